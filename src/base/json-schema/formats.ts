/**
 * The formats that we check, each with its standard's grammar (JSON Schema Validation 2020-12, section 7.3). PURE. A
 * caller who writes a format expects a check. Every expression takes linear time, but for a label of 63 characters.
 */
import { parseUuid } from "../ids.ts";
import type { StepBudget } from "./step-budget.ts";

export interface Format {
  /** What to send, to be read after "Send". */
  readonly wanted: string;
  readonly maxCharacters: number;
  readonly accepts: (text: string) => boolean;
}

const DATE = /^\d{4}-\d\d-\d\d$/;
const TIME = /^(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[zZ]|([+-])(\d\d):(\d\d))$/;
const DURATION_DATE = /^(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D|\d+W)?$/;
const DURATION_TIME = /^(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;
const RESERVED_LABEL = /^(?!xn)..--/i;
const ATOM = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+$/i;
const QUOTED = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"$/;
/** RFC 3986, section 3: a URI with a scheme. Captures the authority. */
const URI =
  /^[a-z][a-z0-9+.-]*:(?:\/\/([^/?#]*)|(?!\/\/))(?:[a-z0-9._~!$&'()*+,;=:@/?-]|%[0-9a-f]{2})*(?:#(?:[a-z0-9._~!$&'()*+,;=:@/?-]|%[0-9a-f]{2})*)?$/i;
/** Captures an address in brackets. */
const AUTHORITY =
  /^(?:(?:[a-z0-9._~!$&'()*+,;=:-]|%[0-9a-f]{2})*@)?(?:\[([^\]]*)\]|(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})*)(?::\d*)?$/i;
const FUTURE_ADDRESS = /^v[0-9a-f]+\.[a-z0-9._~!$&'()*+,;=:-]+$/i;

/** RFC 3339, `full-date`. The runtime reads a day that the month does not have as one of the next month. */
function isDate(text: string): boolean {
  const at = DATE.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
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

/** RFC 1123, section 2.1. What `xn--` decodes to is not checked. RFC 5891 reserves all other labels like `ab--c`. */
function isHostname(text: string): boolean {
  return text.split(".").every((label) => label.length <= 63 && LABEL.test(label) && !RESERVED_LABEL.test(label));
}

/** RFC 2673, section 3.2: four decimal bytes without leading zeros. The URL parser spells every other form like this. */
function isIpv4(text: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(text) && URL.parse(`http://${text}`)?.hostname === text;
}

/** RFC 4291, section 2.2, without a zone. */
function isIpv6(text: string): boolean {
  return /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]`);
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

function isUri(text: string): boolean {
  const [whole, authority] = URI.exec(text) ?? [];
  if (whole === undefined || authority === undefined) return whole !== undefined;
  const [isOne, address] = AUTHORITY.exec(authority) ?? [];
  return isOne !== undefined && (address === undefined || isIpv6(address) || FUTURE_ADDRESS.test(address));
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

const FORMAT_STEPS = 40;
/** A label of a host name can be one character, and each label is cut out and matched alone. */
const FORMAT_CHARACTER_STEPS = 3;

export function hasFormat({ maxCharacters, accepts }: Format, text: string, budget: StepBudget): boolean {
  if (text.length > maxCharacters) return false;
  budget.left -= FORMAT_STEPS + FORMAT_CHARACTER_STEPS * text.length;
  return accepts(text);
}
