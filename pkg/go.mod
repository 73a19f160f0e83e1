module vestibule.dev/pkg

go 1.26.0

require vestibule.dev/proto v0.0.0

replace vestibule.dev/proto => ../proto
