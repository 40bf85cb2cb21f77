package ldapconn

import (
	"context"
	"slices"
	"strings"
)

// Kind is a family of directory servers.
type Kind string

// The kinds that RootDSE can tell apart; "" is any other.
const (
	OpenLDAP        Kind = "openldap"
	ActiveDirectory Kind = "ad"
	DS389           Kind = "389ds" // also below FreeIPA
)

// oidActiveDirectory is LDAP_CAP_ACTIVE_DIRECTORY_OID (MS-ADTS section 3.1.1.3.4.3.1).
const oidActiveDirectory = "1.2.840.113556.1.4.800"

// DSE is what a server says of itself (RFC 4512 section 5.1).
type DSE struct {
	Kind                 Kind
	NamingContexts       []string
	DefaultNamingContext string // Active Directory
}

// RootDSE reads the entry that describes the server. Errors as for Get.
func (c *Conn) RootDSE(ctx context.Context) (DSE, error) {
	e, err := c.Get(ctx, "", "objectClass", "namingContexts", "defaultNamingContext", "supportedCapabilities", "vendorName")
	if err != nil {
		return DSE{}, err
	}
	return DSE{
		Kind:                 kindOf(e),
		NamingContexts:       e.Values("namingContexts"),
		DefaultNamingContext: e.Get("defaultNamingContext"),
	}, nil
}

func kindOf(e *Entry) Kind {
	switch {
	case slices.Contains(e.Values("supportedCapabilities"), oidActiveDirectory):
		return ActiveDirectory
	case slices.Contains(e.Values("objectClass"), "OpenLDAProotDSE"):
		return OpenLDAP
	case strings.Contains(e.Get("vendorName"), "389 Project"):
		return DS389
	}
	return ""
}
