/**
 * The formats that we check, each with its standard's grammar (JSON Schema Validation 2020-12, section 7.3). PURE.
 * JSON Schema lets a service treat `format` as a mere note. We don't, because a caller who writes a format expects a
 * check. Texts are short, and every expression takes linear time, except on a label of at most 63 characters.
 */
import { parseUuid } from "../ids.ts";
import type { StepBudget } from "./step-budget.ts";

export interface Format {
  /** What to send, to be read after "Send". */
  readonly wanted: string;
  readonly maxCharacters: number;
  readonly accepts: (text: string) => boolean;
}

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[zZ]|([+-])(\d\d):(\d\d))$/;
const DURATION_DATE = /^(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D|\d+W)?$/;
const DURATION_TIME = /^(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;
const RESERVED_LABEL = /^(?!xn)..--/i;
const BYTE = /^(?:0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
const ATOM = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+$/i;
const QUOTED = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"$/;
const SCHEME = /^[a-z][a-z0-9+.-]*$/i;
const URI_CHARACTERS = /^(?:[a-z0-9._~!$&'()*+,;=:@/?-]|%[0-9a-f]{2})*$/i;
const NAME_CHARACTERS = /^(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})*$/i;
const USER_CHARACTERS = /^(?:[a-z0-9._~!$&'()*+,;=:-]|%[0-9a-f]{2})*$/i;
const FUTURE_ADDRESS = /^v[0-9a-f]+\.[a-z0-9._~!$&'()*+,;=:-]+$/i;

/** RFC 3339, `full-date`. */
function isDate(text: string): boolean {
  const [, year = "", month = "", day = ""] = DATE.exec(text) ?? [];
  if (month < "01" || month > "12" || day < "01") return false;
  const isLeap = Number(year) % 4 === 0 && (Number(year) % 100 !== 0 || Number(year) % 400 === 0);
  const days = month === "02" ? (isLeap ? 29 : 28) : ["04", "06", "09", "11"].includes(month) ? 30 : 31;
  return Number(day) <= days;
}

/** RFC 3339, `full-time`. A leap second is the last second of a day in UTC. */
function isTime(text: string): boolean {
  const found = TIME.exec(text);
  if (found === null) return false;
  const [hour = 0, minute = 0, second = 0] = found.slice(1, 4).map(Number);
  const [offsetHour = 0, offsetMinute = 0] = found.slice(5, 7).map((digits) => Number(digits ?? 0));
  if (hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59) return false;
  if (second < 60) return true;
  const offset = (offsetHour * 60 + offsetMinute) * (found[4] === "-" ? -1 : 1);
  return (hour * 60 + minute - offset + 2 * 1440) % 1440 === 1439;
}

/** RFC 3339, `date-time`. */
function isDateTime(text: string): boolean {
  return /^[tT]$/.test(text.charAt(10)) && isDate(text.slice(0, 10)) && isTime(text.slice(11));
}

/** RFC 3339, appendix A. */
function isDuration(text: string): boolean {
  if (!text.startsWith("P") || text === "P") return false;
  const [date = "", time, more] = text.slice(1).split("T");
  if (more !== undefined || !DURATION_DATE.test(date)) return false;
  return time === undefined || (DURATION_TIME.test(time) && !date.endsWith("W"));
}

/**
 * RFC 1123, section 2.1. An internationalised name must be sent in its ASCII form (`xn--`), and we don't check what the
 * form decodes to. RFC 5891 reserves all other labels whose third and fourth characters are hyphens.
 */
function isHostname(text: string): boolean {
  return text.split(".").every((label) => label.length <= 63 && LABEL.test(label) && !RESERVED_LABEL.test(label));
}

/** RFC 2673, section 3.2: four decimal bytes without leading zeros. */
function isIpv4(text: string): boolean {
  const bytes = text.split(".");
  return bytes.length === 4 && bytes.every((byte) => BYTE.test(byte) && Number(byte) <= 255);
}

/** RFC 4291, section 2.2, without a zone. */
function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1) ?? "";
  // An IPv4 address may stand for the last two groups. Nothing may follow it, not even "::".
  const hasIpv4 = last.includes(".");
  if (hasIpv4 && (!text.endsWith(last) || !isIpv4(last))) return false;
  const count = groups.length + (hasIpv4 ? 1 : 0);
  if (!groups.slice(0, hasIpv4 ? -1 : undefined).every((group) => GROUP.test(group))) return false;
  return halves.length === 2 ? count <= 7 : count === 8;
}

/** RFC 5321, section 4.1.2. */
function isEmail(text: string): boolean {
  const at = text.lastIndexOf("@");
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);
  if (at < 1 || local.length > 64) return false;
  if (!QUOTED.test(local) && !local.split(".").every((atom) => ATOM.test(atom))) return false;
  if (!domain.startsWith("[") || !domain.endsWith("]")) return domain.length <= 253 && isHostname(domain);
  const address = domain.slice(1, -1);
  return /^ipv6:/i.test(address) ? isIpv6(address.slice(5)) : isIpv4(address);
}

/** RFC 3986, section 3: a URI with a scheme. */
function isUri(text: string): boolean {
  const colon = text.indexOf(":");
  if (colon < 0 || !SCHEME.test(text.slice(0, colon))) return false;
  const [beforeFragment = "", fragment = "", more] = text.slice(colon + 1).split("#");
  if (more !== undefined || !URI_CHARACTERS.test(fragment)) return false;
  if (!beforeFragment.startsWith("//")) return URI_CHARACTERS.test(beforeFragment);
  const authority = /^[^/?]*/.exec(beforeFragment.slice(2))?.[0] ?? "";
  return isAuthority(authority) && URI_CHARACTERS.test(beforeFragment.slice(2 + authority.length));
}

function isAuthority(authority: string): boolean {
  const at = authority.indexOf("@");
  if (at >= 0 && !USER_CHARACTERS.test(authority.slice(0, at))) return false;
  const [, bracketed, name = "", port = ""] =
    /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/s.exec(authority.slice(at + 1)) ?? [];
  if (!/^\d*$/.test(port)) return false;
  if (bracketed !== undefined) return isIpv6(bracketed) || FUTURE_ADDRESS.test(bracketed);
  return NAME_CHARACTERS.test(name) && authority.slice(at + 1).startsWith(name);
}

export const FORMATS: ReadonlyMap<string, Format> = new Map(
  Object.entries({
    "date-time": {
      wanted: "an RFC 3339 date and time, such as 2026-11-25T12:00:00Z",
      maxCharacters: 64,
      accepts: isDateTime,
    },
    date: { wanted: "a date, such as 2026-11-25", maxCharacters: 10, accepts: isDate },
    time: { wanted: "a time with its offset, such as 12:00:00Z", maxCharacters: 64, accepts: isTime },
    duration: { wanted: "an ISO 8601 duration, such as P1DT12H", maxCharacters: 1024, accepts: isDuration },
    email: { wanted: "an email address", maxCharacters: 320, accepts: isEmail },
    hostname: { wanted: "a host name in ASCII", maxCharacters: 253, accepts: isHostname },
    ipv4: { wanted: "an IPv4 address, such as 192.0.2.1", maxCharacters: 15, accepts: isIpv4 },
    ipv6: { wanted: "an IPv6 address, such as 2001:db8::1", maxCharacters: 45, accepts: isIpv6 },
    uri: { wanted: "a URI with its scheme, such as https://example.com", maxCharacters: 8192, accepts: isUri },
    uuid: { wanted: "a UUID", maxCharacters: 36, accepts: (text: string) => parseUuid(text) !== null },
  }),
);

/** Beginning one check. */
const FORMAT_STEPS = 40;
/** A label of a host name can be one character, and each label is cut out and matched alone. */
const FORMAT_CHARACTER_STEPS = 3;

/** Whether the text has the format. */
export function hasFormat({ maxCharacters, accepts }: Format, text: string, budget: StepBudget): boolean {
  if (text.length > maxCharacters) return false;
  budget.left -= FORMAT_STEPS + FORMAT_CHARACTER_STEPS * text.length;
  return accepts(text);
}
