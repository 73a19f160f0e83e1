package config

import (
	"strings"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
)

func TestConfig_defaults_areValidAndKeepRetiredKeysLongEnough(t *testing.T) {
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: map[string]string{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	settings := c.Settings("https://api.example.com")
	if settings.AccessTokenLifetime != 10*time.Minute {
		t.Errorf("access tokens live %v", settings.AccessTokenLifetime)
	}
	if settings.Rotation.Keep < c.AccessTokenLifetime+c.KeyCache {
		t.Errorf("a retired key is published for %v", settings.Rotation.Keep)
	}
}

func TestValidate_nonsense_namesEverySetting(t *testing.T) {
	err := Config{AccessTokenLifetime: time.Millisecond, KeyPublishedAhead: -1, ExpiredRetention: -1}.Validate()
	for _, name := range []string{"ACCESS_TOKEN_LIFETIME", "KEY_ROTATION", "KEY_PUBLISHED_AHEAD", "KEY_CACHE", "EXPIRED_RETENTION"} {
		if err == nil || !strings.Contains(err.Error(), "SESSIONS_"+name) {
			t.Errorf("%s is not among the problems: %v", name, err)
		}
	}
}
