/**
 * Whether values stay within their segments of a URL's path. PURE.
 *
 * The threat: a receiver, or a proxy before it, decodes a path before it splits the path, and some decode twice. A
 * value is percent-encoded, but there it can still become slashes and dots, and lead the request and its secrets to
 * another endpoint. A query is split before it is decoded, so it may have any value.
 */

export type PathFault = "dot_segment" | "control_character" | "empty_segment";

const ASCII_ESCAPE = /%([0-7][0-9a-f])/gi;
/**
 * Servlet containers drop what follows a `;`, so `..;x` is `..` for them. A proxy that decodes before it looks for the
 * query drops what follows a `?` or `#`.
 */
const BETWEEN_PARTS = /[/\\;?#]/;
/**
 * ASCII in a spelling that lenient decoders accept: overlong UTF-8, which RFC 3629, section 3, forbids, and `%u002e`.
 * Nobody needs one, so each counts as a dot.
 */
const DISGUISED = /%(?:c[01]%[89ab]|e0%[89]|f0%8|u00[0-7])/i;
/** U+0080 to U+009F stay escaped here. */
const CONTROL = /\p{Cc}|%c2%[89]/iu;
/** `https:`, nothing, and the host come before. */
const PATH_STARTS_AT = 3;
const EMPTY = /^[/\\]*(?:;|$)/;

/**
 * What could lead a receiver to another path than the template's author wrote; null if nothing could. `plain`: the same
 * URL with harmless values, which tells the author's own empty segments from those that a value emptied.
 */
export function pathFault(url: string, plain: string): PathFault | null {
  const wanted = decodedSegments(plain);
  const segments = decodedSegments(url);
  if (segments.some(hasDotPart)) return "dot_segment";
  if (segments.some((segment) => CONTROL.test(segment))) return "control_character";
  const isEmptied = (segment: string, n: number) => EMPTY.test(segment) && !EMPTY.test(wanted[n] ?? "");
  // Decoded, the path would begin with two slashes, and what follows them could be read as a host.
  const [first = "", wantedFirst = ""] = [segments[PATH_STARTS_AT], wanted[PATH_STARTS_AT]];
  if (/^[/\\]/.test(first) && !/^[/\\]/.test(wantedFirst)) return "empty_segment";
  // Behind the last slash, an empty value changes no other segment.
  return segments.slice(0, -1).some(isEmptied) ? "empty_segment" : null;
}

function decodedSegments(url: string): readonly string[] {
  const [path = ""] = url.split(/[?#]/, 1);
  return path.split(/[/\\]/).map(decoded);
}

function hasDotPart(segment: string): boolean {
  return DISGUISED.test(segment) || segment.split(BETWEEN_PARTS).some((part) => part === "." || part === "..");
}

/** Every escape of an ASCII character decoded, until there are none: nobody knows how often a receiver decodes. */
function decoded(segment: string): string {
  for (let text = segment; ; ) {
    const next = text.replace(ASCII_ESCAPE, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === text) return text;
    text = next;
  }
}
