/**
 * Which client a guess is charged to. PURE. An IPv6 client has a whole /64 (RFC 4291, 2.5.4) and can use a new address
 * for each request, so the /64 counts as the client.
 */

/** The IPv4 address, or the /64 of an IPv6 address in any spelling. Any other text is returned as it is. */
export function clientOf(address: string): string {
  const [text = ""] = address.split("%", 1);
  const host = /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text) ? URL.parse(`http://[${text}]`)?.hostname : undefined;
  if (host === undefined) return address;
  const [before = [], after = []] = host.slice(1, -1).split("::").map(groupsOf);
  const groups = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  const [high = 0, low = 0] = groups.slice(-2);
  // ::ffff:0:0/96 is an IPv4 client on an IPv6 socket.
  if (groups.slice(0, 6).join() === "0,0,0,0,0,65535")
    return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  const prefix = groups.slice(0, 4).map((group) => group.toString(16));
  return `${prefix.join(":")}::/64`;
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
