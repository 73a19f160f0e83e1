module vestibule.dev/services/identity

go 1.26.0

require (
	pgregory.net/rapid v1.3.0
	vestibule.dev/pkg v0.0.0
	vestibule.dev/proto v0.0.0
)

require github.com/google/uuid v1.6.0 // indirect

replace vestibule.dev/proto => ../../proto

replace vestibule.dev/pkg => ../../pkg
