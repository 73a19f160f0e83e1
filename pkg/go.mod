module vestibule.dev/pkg

go 1.26.0

require google.golang.org/protobuf v1.36.12

replace vestibule.dev/proto => ../proto
