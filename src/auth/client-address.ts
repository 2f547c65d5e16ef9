/**
 * Which client a guess is charged to. PURE. An IPv6 client has a whole /64 (RFC 4291, 2.5.4) and can use a new address
 * for each request, so the /64 counts as the client.
 */

const IPV6_GROUPS = 8;
const PREFIX_GROUPS = 4;

/** The IPv4 address, or the /64 of an IPv6 address. Any other text is returned as it is. */
export function clientOf(address: string): string {
  const groups = parseIpv6(address);
  if (groups === null) return address;
  const [high = 0, low = 0] = groups.slice(-2);
  if (isIpv4Mapped(groups)) return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  const prefix = groups.slice(0, PREFIX_GROUPS).map((group) => group.toString(16));
  return `${prefix.join(":")}::/64`;
}

/** The eight groups of an IPv6 address in any spelling of RFC 4291, 2.2, even with a zone; null for other text. */
function parseIpv6(address: string): number[] | null {
  const [text = ""] = address.split("%", 1);
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return null;
  const before = parseGroups(head, tail === undefined);
  if (tail === undefined) return before?.length === IPV6_GROUPS ? before : null;
  const after = parseGroups(tail, true);
  if (before === null || after === null) return null;
  const missing = IPV6_GROUPS - before.length - after.length;
  // "::" stands for at least one group.
  return missing < 1 ? null : [...before, ...Array<number>(missing).fill(0), ...after];
}

/** The groups between colons. If `mayEndInIpv4`, the last may be an IPv4 address, which counts as two. */
function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [n, part] of parts.entries()) {
    const ipv4 = mayEndInIpv4 && n === parts.length - 1 ? parseIpv4(part) : null;
    if (ipv4 !== null) groups.push(...ipv4);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

function parseIpv4(text: string): [number, number] | null {
  if (!/^(?:\d{1,3}\.){3}\d{1,3}$/.test(text)) return null;
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return Math.max(a, b, c, d) > 255 ? null : [a * 256 + b, c * 256 + d];
}

/** ::ffff:0:0/96: an IPv4 client on an IPv6 socket. */
function isIpv4Mapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}
