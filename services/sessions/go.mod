module vestibule.dev/services/sessions

go 1.26.0

require (
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/jackc/pgx/v5 v5.12.0
	github.com/maypok86/otter/v2 v2.4.0
	vestibule.dev/pkg v0.0.0
	vestibule.dev/proto v0.0.0
)

replace vestibule.dev/proto => ../../proto

replace vestibule.dev/pkg => ../../pkg
