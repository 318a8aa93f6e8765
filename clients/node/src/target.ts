/** The schemes of gRPC's names whose rest is `host:port`. */
const schemes = /^(?:dns:(?:\/\/[^/]*\/)?|ipv4:|ipv6:)/i;

/**
 * isLocal reports whether a target, as gRPC names it, is this machine: `localhost`,
 * 127.0.0.0/8, ::1 or a Unix socket. Of a list of addresses each has to be.
 */
export function isLocal(target: string): boolean {
  if (/^unix:/i.test(target)) {
    return true;
  }
  const rest = target.replace(schemes, "");
  return rest.split(",").every((address) => isLoopback(host(address)));
}

/** host is an address without its port and brackets. */
function host(address: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(address)?.[1];
  if (bracketed !== undefined) {
    return bracketed;
  }
  // More than one colon without brackets is an IPv6 address without a port.
  return address.split(":").length === 2 ? address.slice(0, address.indexOf(":")) : address;
}

function isLoopback(name: string): boolean {
  return /^localhost\.?$/i.test(name) || name === "::1" || /^127(?:\.\d{1,3}){3}$/.test(name);
}
