// Command fsck compares the databases of the running dev stack and prints what
// does not fit together. It fails when there is any.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"vestibule.dev/test/database"
	"vestibule.dev/test/fsck"
	"vestibule.dev/test/stack"
)

func main() {
	dataDir := flag.String("data", ".local", "data directory of the dev stack")
	flag.Parse()
	orphans, err := check(context.Background(), *dataDir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for _, orphan := range orphans {
		fmt.Println(orphan)
	}
	fmt.Printf("%d orphans\n", len(orphans))
	if len(orphans) > 0 {
		os.Exit(1)
	}
}

func check(ctx context.Context, dataDir string) ([]fsck.Orphan, error) {
	system, err := stack.Read(dataDir)
	if err != nil {
		return nil, err
	}
	databases, err := database.Open(ctx, system.Databases)
	if err != nil {
		return nil, err
	}
	defer databases.Close(ctx)
	return fsck.Check(ctx, databases)
}
