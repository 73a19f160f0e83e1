module vestibule.dev/services/notifications

go 1.26.0

require (
	vestibule.dev/pkg v0.0.0
	vestibule.dev/proto v0.0.0
)

replace vestibule.dev/proto => ../../proto

replace vestibule.dev/pkg => ../../pkg
