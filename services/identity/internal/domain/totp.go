package domain

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"
)

const (
	// totpPeriod is how long an authenticator app shows a code.
	totpPeriod = 30 * time.Second
	// TOTPDrift is how many time steps the clock of an app may be off.
	TOTPDrift = 1
)

// MatchTOTP finds the time step, within the drift of now, whose code of the
// authenticator app with the key it is: six digits of HMAC-SHA-1 over steps of
// 30 seconds (RFC 6238, RFC 4226). It takes the same time for all codes.
func MatchTOTP(key []byte, code string, now time.Time) (step int64, ok bool) {
	current := now.Unix() / int64(totpPeriod/time.Second)
	for candidate := current - TOTPDrift; candidate <= current+TOTPDrift; candidate++ {
		if subtle.ConstantTimeCompare([]byte(totp(key, candidate)), []byte(code)) == 1 {
			step, ok = candidate, true
		}
	}
	return step, ok
}

// TOTP is the code that an authenticator app with the key shows at the time.
func TOTP(key []byte, at time.Time) string {
	return totp(key, at.Unix()/int64(totpPeriod/time.Second))
}

func totp(key []byte, step int64) string {
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	number := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	return fmt.Sprintf("%06d", number%1_000_000)
}
