package deliverer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
)

// isTLS reports whether the endpoint could not prove who it is.
func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &record)
}
