// Package mtls promises that both ends of a connection between processes know
// whom they talk to, by certificates that carry SPIFFE ids.
//
// A process presents the certificate of its file and believes the authorities
// of another; all three files may be replaced while it runs, as cert-manager
// and SPIRE do before a certificate ends. A client connects to the service it
// wants and to no other, and a server completes the handshake only with the
// services and backends on its list.
package mtls
