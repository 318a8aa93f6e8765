package policy

import (
	"fmt"
	"net/netip"
)

func checkSource(source netip.Prefix) error {
	if source.Bits() == 0 {
		return fmt.Errorf("%v is every address", source)
	}
	return nil
}

// ParseAddresses reads an address or a range of them, such as 203.0.113.7 or
// 203.0.113.0/24, as a range. It refuses one of all addresses, which says nothing.
func ParseAddresses(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" && !address.Is4In6() {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	addresses, err := netip.ParsePrefix(text)
	if err != nil || addresses.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address (203.0.113.7, 2001:db8::7) nor a range of them (203.0.113.0/24)", text)
	}
	if masked := addresses.Masked(); masked != addresses {
		return netip.Prefix{}, fmt.Errorf("%s has bits behind its first %d: the range is %s", text, addresses.Bits(), masked)
	}
	return addresses, checkSource(addresses)
}
