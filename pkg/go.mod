module vestibule.dev/pkg

go 1.26.0

require vestibule.dev/proto v0.0.0

require (
	github.com/google/uuid v1.6.0 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)

replace vestibule.dev/proto => ../proto
