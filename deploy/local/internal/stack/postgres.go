package stack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"vestibule.dev/deploy/local/internal/postgres"
	"vestibule.dev/pkg/tenancy"
)

// sharedServerPrefix keeps our databases apart from others on a server that
// somebody else runs.
const sharedServerPrefix = "vestibule_"

// startPostgres finds a server, or starts one, and makes the databases.
func (s *stack) startPostgres(ctx context.Context) error {
	server, prefix := s.settings.PostgresURL, sharedServerPrefix
	if server == "" {
		var err error
		if server, err = s.startCluster(ctx); err != nil {
			return err
		}
		prefix = ""
	}
	databases := make([]postgres.Database, 0, len(services))
	for _, name := range services {
		databases = append(databases, postgres.Database{
			Name:     prefix + name,
			Password: s.system.secrets.Services[name].DatabasePassword,
		})
	}
	urls, err := postgres.CreateDatabases(ctx, server, databases)
	if err != nil {
		return err
	}
	s.system.databases = make(map[string]string, len(services))
	s.dev.Databases = make(map[string]string, len(services))
	for _, name := range services {
		s.system.databases[name] = urls[prefix+name]
		if s.dev.Databases[name], err = forAllProjects(urls[prefix+name]); err != nil {
			return err
		}
	}
	return nil
}

// forAllProjects is a database's URL for people and tools, who want to see the
// rows of every project.
func forAllProjects(database string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", err
	}
	query := u.Query()
	query.Set("options", "-c "+tenancy.Setting+"="+tenancy.All)
	// Not every client takes a plus for a space.
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return u.String(), nil
}

// startCluster runs the stack's own server and returns its URL.
func (s *stack) startCluster(ctx context.Context) (string, error) {
	dir := filepath.Join(s.settings.DataDir, "postgres")
	binaries, err := s.findBinaries(dir)
	if err != nil {
		return "", err
	}
	log, err := s.log("postgres")
	if err != nil {
		return "", err
	}
	port, err := s.reserve(anyPort)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	server, err := postgres.Cluster{
		Binaries: binaries,
		Dir:      dir,
		Port:     port,
		Password: s.system.secrets.PostgresPassword,
		Log:      log,
	}.Start(ctx, s)
	if err != nil {
		return "", explain(err, log)
	}
	s.add("postgres", server.Process)
	s.onStop(func(hurry context.Context) error { server.Stop(hurry); return nil })
	return server.URL, nil
}

func (s *stack) findBinaries(clusterDir string) (postgres.Binaries, error) {
	madeBy, err := postgres.ClusterVersion(clusterDir)
	if err != nil {
		return postgres.Binaries{}, err
	}
	binaries, err := postgres.FindBinaries(madeBy)
	if !errors.Is(err, postgres.ErrNoBinaries) {
		return binaries, err
	}
	s.console.say("vestibule", "no PostgreSQL on this machine, looking for a downloaded one")
	binaries, err = postgres.Download{
		Dir:        downloadDir(),
		Repository: s.settings.PostgresRepository,
	}.Fetch()
	switch {
	case err != nil:
		return postgres.Binaries{}, fmt.Errorf("PostgreSQL is missing: install its server "+
			"(apt-get install postgresql, dnf install postgresql-server, brew install postgresql) "+
			"or name a running one in VESTIBULE_POSTGRES_URL (a download was tried: %w)", err)
	case madeBy != 0 && madeBy != binaries.Major:
		return postgres.Binaries{}, fmt.Errorf("the data in %s was written by PostgreSQL %d, which is missing: "+
			"install it, or remove the directory to start afresh", clusterDir, madeBy)
	}
	return binaries, nil
}

// downloadDir is shared by all checkouts of a user. Root's own cache directory
// is closed to the user that root lends the server to.
func downloadDir() string {
	if os.Geteuid() == 0 {
		return "/var/cache/vestibule/postgres"
	}
	if cache, err := os.UserCacheDir(); err == nil {
		return filepath.Join(cache, "vestibule", "postgres")
	}
	return filepath.Join(os.TempDir(), "vestibule-postgres")
}
