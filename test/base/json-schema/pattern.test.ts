import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accepts, type Property, setOf, toProperty } from "../../../src/base/json-schema/character-set.ts";
import { matches, type Pattern, PatternParts, parsePattern } from "../../../src/base/json-schema/pattern.ts";
import { words } from "../../support/words.ts";

const KIB = 1024;

function parse(source: string): Pattern {
  const parsed = parsePattern(source);
  if (!parsed.ok) throw new Error(`${source} ${parsed.error}`);
  return parsed.value;
}

function finds(source: string, text: string): boolean {
  return matches(parse(source), text, { left: 1_000_000 });
}

/** Steps that a match takes, and what it answers. */
function work(source: string, text: string, left = Number.POSITIVE_INFINITY) {
  const pattern = parse(source);
  const budget = { left: Math.min(left, Number.MAX_SAFE_INTEGER) };
  const before = budget.left;
  const found = matches(pattern, text, budget);
  return { found, steps: before - budget.left, isOverdrawn: budget.left < 0 };
}

/** Parts of patterns, and letters of texts that make them meet often. */
const atom = fc.constantFrom(
  ...words(String.raw`a b - . é 😀 \d \w \s \S [ab] [^a] [😀-😂] [] [^] [\]\-b] \n \x61 \u0061 \u{1F600} \uD83D\uDE00
    \p{L} \P{L} \. \/ \cJ \0`),
);
const assertion = fc.constantFrom("^", "$", "\\b", "\\B");
const quantifier = fc.constantFrom(...words("* + ? {0} {2} {1,} {0,2} {1,3} *? +? ?? {2}?"));
const { pattern } = fc.letrec<{ pattern: string; group: string; piece: string }>((tie) => ({
  group: fc.tuple(fc.constantFrom("(", "(?:"), tie("pattern")).map(([open, inner]) => `${open}${inner})`),
  piece: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    assertion,
    atom,
    fc.tuple(atom, quantifier).map((parts) => parts.join("")),
    fc.tuple(tie("group"), quantifier).map((parts) => parts.join("")),
    tie("group"),
  ),
  pattern: fc
    .array(fc.array(tie("piece"), { maxLength: 4 }), { minLength: 1, maxLength: 3 })
    .map((alternatives) => alternatives.map((pieces) => pieces.join("")).join("|")),
}));
const letter = fc.constantFrom("a", "b", "-", "é", "😀", "😁", "1", " ", "\n", "\0", "]", ".", "\ud83d", "\ude00");

describe("meaning", () => {
  it("finds what the runtime's own RegExp finds", () => {
    fc.assert(
      fc.property(pattern, fc.array(letter, { maxLength: 8 }), (source, letters) => {
        const text = letters.join("");
        expect(finds(source, text)).toBe(new RegExp(source, "u").test(text));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["^[a-z0-9]+(?:-[a-z0-9]+)*$", ["release-2-1", "a"], ["-a", "a--b", "a-", "A"]],
    ["^v\\d+\\.\\d+(\\.\\d+)?$", ["v1.2", "v1.2.3"], ["1.2", "v1.", "v1.2.3.4"]],
    ["^(main|release/.+)$", ["main", "release/x"], ["release/", "mainx", "main\n"]],
    ["^[0-9a-f]{7,40}$", ["0123abc", "f".repeat(40)], ["0123ab", "f".repeat(41)]],
    ["^.{3}$", ["abc", "é😀a", "😀😀😀"], ["ab", "😀", "a\nb"]],
    ["\\B", ["", "😁", "ab"], ["a", "a😁a"]],
    ["^(a|b{2}){2,3}$", ["aa", "abb", "bbabb"], ["a", "ab", "aaaa"]],
    ["^(?:a?){3}$", ["", "aaa"], ["aaaa"]],
    ["^[a-z]{0,1000}$", ["", "a".repeat(1000)], ["a".repeat(1001)]],
    ["", ["", "anything"], []],
  ])("reads %s", (source, accepted, refused) => {
    for (const text of accepted) expect([text, finds(source, text)]).toEqual([text, true]);
    for (const text of refused) expect([text, finds(source, text)]).toEqual([text, false]);
  });
});

describe("a class", () => {
  const NAMES = ["L", "Lu", "Script=Greek"];
  const PROPERTIES = new Map(NAMES.map((name) => [name, toProperty(name) as Property]));
  const EDGES = [0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xfefe, 0xfeff, 0xff00, 0xffff, 0x10000];
  const CODES = [...Array(0x3100).keys(), ...EDGES, 0x1f5ff, 0x1f600, 0x1f601, 0x1f602, 0x1f603, 0x10ffff];

  const CHARACTERS = words(String.raw`a é 😀 . \d \D \w \W \s \S \p{L} \P{L} \p{Script=Greek} \n \t \v \f \r \0 \cJ \cj
    \x41 \u00e9 \u{1F600} \uD83D\uDE00 \uD83D \/ \. \\`);
  const CLASSES = words(String.raw`[] [^] [a-z] [^a-z] [-a] [a-] [\-a] [a\-z] [\b] [[] [\]] [\d-] [z\d_] [^\W\d] [\s\S]
    [^\s\S] [\cA-\x20] [\u{1F600}-\u{1F602}] [😀-😂] [\uD83D\uDE00-\uD83D\uDE02] [\uD83D-\uDBFF] [a-cb-fg] [z-z]
    [\p{Lu}é] [^\p{Lu}\d] [\P{L}a] [^\P{L}a] [\p{L}\P{L}] [^\p{L}\P{L}] [^^] [a^] [.*+?|(){}$] [\^\$\/]`);

  it.each([...CHARACTERS, ...CLASSES])("accepts the characters that the runtime accepts: %s", (token) => {
    const native = new RegExp(`^${token}$`, "u");
    const set = setOf(token, PROPERTIES);
    const differing = CODES.filter((code) => accepts(set, code) !== native.test(String.fromCodePoint(code)));
    expect(differing).toEqual([]);
  });

  it("makes nothing of the runtime's own: a thousand classes of two properties share these two", () => {
    const parts = new PatternParts();
    for (let i = 0; i < 1000; i++) {
      const source = `^[\\p{Lu}\\p{Ll}${String.fromCodePoint(0x4e00 + i)}]$`;
      expect(parsePattern(source, parts).ok).toBe(true);
    }
    expect([...parts.properties.keys()]).toEqual(["Lu", "Ll"]);
  });

  it("may have 20 different properties with all patterns of the schema", () => {
    const names = words("L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P S Z C Cn Zs");
    const parts = new PatternParts();
    const first = names.map((name) => `\\p{${name}}\\P{${name}}`).join("");
    expect(parsePattern(first, parts).ok).toBe(true);
    expect(parsePattern("\\P{Zs}", parts).ok).toBe(true);
    const refused = parsePattern("\\p{Zl}", parts);
    expect(refused).toEqual({ ok: false, error: expect.stringContaining("more than 20 Unicode properties") });
  });

  it.each(words(String.raw`\p{Nothing} [\p{l}] \p \p{L \p{} \p{L]} [\p{L}-z] \\p{L} \p{L})( [\p{L}`))(
    "is refused if its syntax is wrong: %s",
    (source) => {
      expect(() => new RegExp(source, "u")).toThrow();
      expect(parsePattern(source)).toEqual({ ok: false, error: expect.stringContaining("not a valid regular") });
    },
  );
});

describe("work", () => {
  /** Patterns that take a backtracking matcher exponential or polynomial time. */
  const CATASTROPHIC = [
    ["(a+)+$", "a"],
    ["^(a*)*$", "a"],
    ["^(a|a)*$", "a"],
    ["^(a|aa)+$", "a"],
    ["^(.*a){12}$", "a"],
    ["a*a*a*a*a*a*b", "a"],
    ["^(([a-z])+.)+[A-Z]([a-z])+$", "a"],
    ["^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+$", "a"],
    ["(\\w+\\s?)*$", "a "],
    ["^(?:(?:a?)*)*$", "a"],
    ["(?:x?){30}x{30}$", "x"],
  ] as const;

  it.each(CATASTROPHIC)("takes linear time for %s", (source, unit) => {
    const take = (length: number) => work(source, `${unit.repeat(length / unit.length)}!`).steps;
    const [small, large] = [take(2 * KIB), take(32 * KIB)];
    expect(large / small).toBeGreaterThan(1);
    expect(large / small).toBeLessThan(17);
  });

  it("takes one step for each character, and one for each instruction that it follows there", () => {
    const text = "a".repeat(2 * KIB);
    // A match can begin at each position of the text: a choice, its two ways, and "b" after the first of them.
    expect(work("(?:a|x)b", text).steps).toBeGreaterThanOrEqual(5 * text.length);
    const source = "(?:[a-z]?){400}!";
    const { program } = parse(source);
    const { steps } = work(source, text);
    expect(steps).toBeGreaterThan(text.length * 600);
    expect(steps).toBeLessThan((text.length + 2) * (program.kinds.length + 1));
  });

  it("takes steps also at the position where it matches, and where it ends", () => {
    const ways = "a|".repeat(300);
    expect(work(`^(?:|${ways}a)`, "").steps).toBeGreaterThan(300);
    expect(work(`^(?:${ways}a)b`, "").steps).toBeGreaterThan(300);
  });

  it("takes more steps for what costs more: word boundaries, characters beyond ASCII, and properties", () => {
    const stepsAt = (source: string, character: string) => work(source, character.repeat(1000)).steps / 1000;
    expect(stepsAt("(?:\\b){9}!", "-")).toBeLessThan(stepsAt("(?:\\B){9}!", "-") / 5);
    expect(stepsAt("(?:\\B){9}!", "-")).toBeGreaterThan(9 * 3);
    expect(stepsAt("[a-z]!", "É") - stepsAt("[a-z]!", "E")).toBeGreaterThanOrEqual(1);
    expect(stepsAt("[\\p{Zl}\\p{Zp}]!", "é") - stepsAt("[\\p{Zl}\\p{Zp}]!", "e")).toBeGreaterThanOrEqual(20);
  });

  it("gives the same answers and steps however often a pattern was used", () => {
    const pattern = parse("(a|b)+c$");
    const answers = () =>
      ["abc", "abd", "", "c", "bac"].map((text) => {
        const budget = { left: 1000 };
        return [matches(pattern, text, budget), budget.left];
      });
    const first = answers();
    expect(answers()).toEqual(first);
    expect(first.map(([found]) => found)).toEqual([true, false, false, false, true]);
  });

  it("reads nothing behind a part of a text, however often it was called", () => {
    const part = "abcdefghijkl😀".slice(0, 13);
    const pattern = parse("\\u{1F600}");
    const budget = { left: Number.MAX_SAFE_INTEGER };
    const found = Array.from({ length: 20_000 }, () => matches(pattern, part, budget));
    expect(found.indexOf(true)).toBe(-1);
  });

  it("forgets a run that its budget ended, or that matched early", () => {
    const pattern = parse("^(?:a?){50}b");
    for (let left = 0; left < 2000; left += 7) matches(pattern, "a".repeat(60), { left });
    expect(matches(pattern, "aab", { left: 10_000 })).toBe(true);
    expect(matches(pattern, "aac", { left: 10_000 })).toBe(false);
  });

  it("stops soon after its budget is overdrawn", () => {
    const source = "(?:[a-z]?){400}!";
    const { steps, isOverdrawn } = work(source, "a".repeat(256 * KIB), 10_000);
    expect(isOverdrawn).toBe(true);
    expect(steps).toBeLessThan(10_000 + 2 * parse(source).program.kinds.length);
  });

  it("reads an anchored pattern only as far as it can match", () => {
    expect(work("^ab", "b".repeat(256 * KIB)).steps).toBeLessThan(100);
  });

  it.each([
    ["(".repeat(500) + ")".repeat(500), true],
    [`${"(?:".repeat(200)}a${"){2}".repeat(200)}`, false],
    [`${"(?:".repeat(120)}${"){1000}".repeat(120)}`, false],
    [`${"(?:".repeat(200)}${")*".repeat(200)}`, true],
  ])("parses a nested pattern in bounded work, and accepts only what stays small", (source, isAccepted) => {
    expect(parsePattern(source).ok).toBe(isAccepted);
  });
});
