import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matches, type Pattern, parsePattern } from "../../../src/actions/schema/pattern.ts";

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
  ...[
    "a",
    "b",
    "-",
    ".",
    "é",
    "😀",
    "\\d",
    "\\w",
    "\\s",
    "\\S",
    "[ab]",
    "[^a]",
    "[😀-😂]",
    "[]",
    "[^]",
    "[\\]\\-b]",
  ],
  ...[
    "\\n",
    "\\x61",
    "\\u0061",
    "\\u{1F600}",
    "\\uD83D\\uDE00",
    "\\p{L}",
    "\\P{L}",
    "\\.",
    "\\/",
    "\\cJ",
    "\\0",
  ],
);
const assertion = fc.constantFrom("^", "$", "\\b", "\\B");
const quantifier = fc.constantFrom(
  "*",
  "+",
  "?",
  "{0}",
  "{2}",
  "{1,}",
  "{0,2}",
  "{1,3}",
  "*?",
  "+?",
  "??",
  "{2}?",
);
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
const letter = fc.constantFrom(
  "a",
  "b",
  "-",
  "é",
  "😀",
  "😁",
  "1",
  " ",
  "\n",
  "\0",
  "]",
  ".",
  "\ud83d",
  "\ude00",
);

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
    ["^(a|b{2}){2,3}$", ["aa", "abb", "bbabb"], ["a", "ab", "aaaa"]],
    ["^(?:a?){3}$", ["", "aaa"], ["aaaa"]],
    ["^[a-z]{0,1000}$", ["", "a".repeat(1000)], ["a".repeat(1001)]],
    ["", ["", "anything"], []],
  ])("reads %s", (source, accepted, refused) => {
    for (const text of accepted) expect([text, finds(source, text)]).toEqual([text, true]);
    for (const text of refused) expect([text, finds(source, text)]).toEqual([text, false]);
  });
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

  it("takes at most one step for each instruction at each character", () => {
    const source = "(?:[a-z]?){400}!";
    const { program } = parse(source);
    const text = "a".repeat(2 * KIB);
    expect(work(source, text).steps).toBeLessThan((text.length + 2) * program.length);
  });

  it("stops soon after its budget is overdrawn", () => {
    const source = "(?:[a-z]?){400}!";
    const { steps, isOverdrawn } = work(source, "a".repeat(256 * KIB), 10_000);
    expect(isOverdrawn).toBe(true);
    expect(steps).toBeLessThan(10_000 + 2 * parse(source).program.length);
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
