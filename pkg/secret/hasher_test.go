package secret_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
	"pgregory.net/rapid"

	"vestibule.dev/pkg/secret"
)

func TestVerify_knownHashes_match(t *testing.T) {
	h := secret.NewHasher(secret.HasherConfig{})
	for _, tc := range []struct{ name, hash, password string }{
		// From the test suite of the reference implementation of argon2.
		{"argon2id p=1", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
		{"argon2id p=2", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
		{"argon2id 64 MiB", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
		{"argon2i", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA", "password"},
		// From the test suite of crypt_blowfish.
		{"bcrypt a", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
		{"bcrypt y", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\xff\xff\xa3"},
		{"bcrypt a, more than 72 bytes", "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
			"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v, err := h.Verify(t.Context(), tc.hash, secret.Secret(tc.password))
			if err != nil || !v.Match || !v.NeedsUpgrade {
				t.Errorf("right password: %+v, %v", v, err)
			}
			v, err = h.Verify(t.Context(), tc.hash, secret.Secret("x"+tc.password))
			if err != nil || v.Match || v.NeedsUpgrade {
				t.Errorf("wrong password: %+v, %v", v, err)
			}
		})
	}
}

func TestVerify_everyBcryptPrefix_matches(t *testing.T) {
	h := secret.NewHasher(secret.HasherConfig{})
	raw, err := bcrypt.GenerateFromPassword([]byte("password"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"$2a$", "$2b$", "$2y$"} {
		v, err := h.Verify(t.Context(), prefix+string(raw[4:]), "password")
		if err != nil || !v.Match || !v.NeedsUpgrade {
			t.Errorf("%s: %+v, %v", prefix, v, err)
		}
	}
}

func TestHash_anyPassword_verifiesAndNeedsNoUpgrade(t *testing.T) {
	h := secret.NewHasher(secret.HasherConfig{})
	seen := map[string]bool{}
	for _, password := range []secret.Secret{"", "password", "password", secret.Secret(strings.Repeat("🔑", 70)), "a\x00b"} {
		hash, err := h.Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || seen[hash] {
			t.Errorf("hash %s", hash)
		}
		seen[hash] = true
		v, err := h.Verify(t.Context(), hash, password)
		if err != nil || !v.Match || v.NeedsUpgrade {
			t.Errorf("right password: %+v, %v", v, err)
		}
		if v, err := h.Verify(t.Context(), hash, password+"x"); err != nil || v.Match {
			t.Errorf("wrong password: %+v, %v", v, err)
		}
	}
}

func TestVerifyDummy_idle_doesTheWork(t *testing.T) {
	h := secret.NewHasher(secret.HasherConfig{})
	if err := h.VerifyDummy(t.Context(), "password"); err != nil {
		t.Error(err)
	}
}

const (
	salt = "c29tc2FsdHNvbWVzYWx0"
	key  = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
)

// refused are hashes that must not be worked on.
var refused = map[string]string{
	"empty":               "",
	"plain text":          "password",
	"md5":                 "$1$abcdefgh$G//4keteveJp0qb8z2DxG/",
	"sha512":              "$6$rounds=999999999$saltstring$abc",
	"scrypt":              "$scrypt$ln=20,r=8,p=1$c2FsdA$aGFzaA",
	"argon2d":             "$argon2d$v=19$m=256,t=2,p=1$" + salt + "$" + key,
	"version 16":          "$argon2id$v=16$m=256,t=2,p=1$" + salt + "$" + key,
	"no version":          "$argon2id$m=256,t=2,p=1$" + salt + "$" + key,
	"memory 4 TiB":        "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + key,
	"memory overflow":     "$argon2id$v=19$m=4294967296,t=1,p=1$" + salt + "$" + key,
	"memory above limit":  "$argon2id$v=19$m=65537,t=1,p=1$" + salt + "$" + key,
	"memory too small":    "$argon2id$v=19$m=7,t=1,p=1$" + salt + "$" + key,
	"memory for lanes":    "$argon2id$v=19$m=15,t=1,p=2$" + salt + "$" + key,
	"time 4 billion":      "$argon2id$v=19$m=8,t=4294967295,p=1$" + salt + "$" + key,
	"time zero":           "$argon2id$v=19$m=256,t=0,p=1$" + salt + "$" + key,
	"threads zero":        "$argon2id$v=19$m=256,t=1,p=0$" + salt + "$" + key,
	"threads 255":         "$argon2id$v=19$m=65536,t=1,p=255$" + salt + "$" + key,
	"threads wrap to one": "$argon2id$v=19$m=65536,t=1,p=257$" + salt + "$" + key,
	"much work":           "$argon2id$v=19$m=65536,t=5,p=1$" + salt + "$" + key,
	"work wraps to zero":  "$argon2id$v=19$m=65536,t=65536,p=1$" + salt + "$" + key,
	"negative":            "$argon2id$v=19$m=-256,t=1,p=1$" + salt + "$" + key,
	"plus sign":           "$argon2id$v=19$m=+256,t=1,p=1$" + salt + "$" + key,
	"leading zero":        "$argon2id$v=19$m=0256,t=1,p=1$" + salt + "$" + key,
	"missing parameter":   "$argon2id$v=19$m=256,t=1$" + salt + "$" + key,
	"extra parameter":     "$argon2id$v=19$m=256,t=1,p=1,x=1$" + salt + "$" + key,
	"other order":         "$argon2id$v=19$t=1,m=256,p=1$" + salt + "$" + key,
	"extra part":          "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$" + key + "$",
	"no salt":             "$argon2id$v=19$m=256,t=1,p=1$$" + key,
	"short salt":          "$argon2id$v=19$m=256,t=1,p=1$c2FsdA$" + key,
	"no key":              "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$",
	"short key":           "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$c2FsdA",
	"padded":              "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$" + key + "=",
	"long key":            "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$" + strings.Repeat("A", 100),
	"endless":             "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$" + strings.Repeat("A", 1<<20),
	"bcrypt cost 17":      "$2a$17$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	"bcrypt cost 31":      "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	"bcrypt cost 99":      "$2b$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	"bcrypt cost 3":       "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	"bcrypt cost -1":      "$2b$-1$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	"bcrypt x":            "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	"bcrypt without kind": "$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
	"bcrypt short":        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
	"bcrypt long":         "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
	"bcrypt alphabet":     "$2a$05$CCCCCCCCCCCCCCCCCCCCC+E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	"bcrypt newline":      "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe\n",
}

func TestVerify_unknownOrHostileHash_isRefused(t *testing.T) {
	h := secret.NewHasher(secret.HasherConfig{})
	for name, hash := range refused {
		if v, err := h.Verify(t.Context(), hash, "password"); !errors.Is(err, secret.ErrUnsupportedHash) || v.Match {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

func TestVerify_generatedText_neverMatches(t *testing.T) {
	h := secret.NewHasher(secret.HasherConfig{})
	near := rapid.StringMatching(`\$(argon2id|argon2i|2[abxy])\$v=(19|16)\$m=\d{6,12},t=\d{1,3},p=\d{1,3}\$[A-Za-z0-9+/]{0,30}\$[A-Za-z0-9+/]{0,50}`)
	rapid.Check(t, func(t *rapid.T) {
		hash := rapid.OneOf(near, rapid.String()).Draw(t, "hash")
		if v, err := h.Verify(t.Context(), hash, "password"); v.Match || !errors.Is(err, secret.ErrUnsupportedHash) {
			t.Fatalf("%+v, %v", v, err)
		}
	})
}

func TestValidateBcryptHash_table_allowsImports(t *testing.T) {
	rest := "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	for _, version := range []string{"2a", "2b", "2y"} {
		for cost := range 32 {
			err := secret.ValidateBcryptHash(fmt.Sprintf("$%s$%02d$%s", version, cost, rest))
			if want := cost >= 4 && cost <= 16; (err == nil) != want {
				t.Errorf("%s cost %d: %v", version, cost, err)
			}
		}
	}
	for name, hash := range refused {
		err := secret.ValidateBcryptHash(hash)
		if err == nil {
			t.Errorf("%s is accepted", name)
		} else if len(hash) > 8 && strings.Contains(err.Error(), hash[len(hash)-8:]) {
			t.Errorf("%s: the error quotes the hash: %v", name, err)
		}
	}
}
