/**
 * Regular expressions of `pattern` and `patternProperties`: which ones we accept. PURE.
 *
 * The threat is a pattern that takes exponential time, or polynomial time of a high degree, on a text of 256 KiB. The
 * runtime's own RegExp backtracks and can't be stopped. So a pattern becomes a program that follows all alternatives at
 * once (`pattern-program.ts`). Its work is at most the text's characters times the program's instructions, nested
 * quantifiers included, and the budget counts it. The runtime checks only the syntax, and says which single characters
 * have a Unicode property (`character-set.ts`).
 *
 * The subset, with the meaning of ECMA-262 and its flag `u`. A text is a sequence of code points, and a pattern can
 * match anywhere in the text unless it has `^` or `$`.
 * - literals, `.`, and every escape of a character: `\n`, `\x41`, `\u00e9`, `\u{1F600}`, `\cJ`, `\/`, `\.`
 * - classes: `[a-z]`, `[^/]`, `\d` `\D` `\w` `\W` `\s` `\S`, `\p{…}` `\P{…}`
 * - assertions: `^`, `$`, `\b`, `\B`
 * - groups `( )` and `(?: )`, and alternatives `|`
 * - quantifiers `*` `+` `?` `{n}` `{n,}` `{n,m}`, also lazy. They may nest. Counts go up to 1000.
 * - at most 1024 characters, and at most 2048 instructions. A count repeats the instructions of what it counts, so
 *   `^[a-z]{0,1000}$` just fits and `(abc){700}` does not.
 * - all patterns of a schema together: at most 8192 instructions and 20 different properties
 *
 * Refused: backreferences, lookahead, lookbehind, named groups and modifiers (`(?i:`).
 */

import { PATTERNS_MAX_PROPERTIES } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { setOf, tokenAt } from "./character-class.ts";
import { type CharacterSet, type Property, toProperty } from "./character-set.ts";
import { compile, type PatternPart, type Program, runProgram } from "./pattern-program.ts";
import type { StepBudget } from "./step-budget.ts";

const PATTERN_MAX_CHARACTERS = 1024;
const COUNT_MAX = 1000;
const INSTRUCTIONS_MAX = 2048;
const INVALID = "is not a valid regular expression. Correct its syntax as ECMA-262 has it with the flag u.";

export interface Pattern {
  readonly source: string;
  readonly program: Program;
}

/** What the patterns of one schema share. */
export class PatternParts {
  readonly properties = new Map<string, Property>();
  readonly sets = new Map<string, CharacterSet>();
}

/** The pattern's program, or a sentence about its first fault, to be read after "The pattern". */
export function parsePattern(source: string, parts = new PatternParts()): Result<Pattern, string> {
  if (source.length > PATTERN_MAX_CHARACTERS) {
    return err(`has ${source.length} characters. Shorten it to at most ${PATTERN_MAX_CHARACTERS}.`);
  }
  const fault = syntaxFault(source, parts.properties);
  if (fault !== null) return err(fault);
  const parser = new Parser(source, parts);
  const part = parser.choice();
  if (parser.fault !== null) return err(parser.fault);
  const program = compile(part, INSTRUCTIONS_MAX);
  if (program !== null) return ok({ source, program });
  return err(`repeats too much. Use smaller counts: a pattern can have ${INSTRUCTIONS_MAX} instructions.`);
}

/**
 * The runtime checks the syntax, so the parser can rely on it. It does not get the properties, because it would compute
 * all characters of each class that has one. `\d` can stand wherever a property can. Adds new properties to
 * `properties`.
 */
function syntaxFault(source: string, properties: Map<string, Property>): string | null {
  const names = new Set<string>();
  const others = source.replace(/\\(?:[pP]\{([^}]*)\}|.)/gs, (whole, name: string | undefined) => {
    if (name === undefined) return whole;
    names.add(name);
    return "\\d";
  });
  try {
    new RegExp(others, "u");
  } catch {
    return INVALID;
  }
  for (const name of names) {
    if (properties.has(name)) continue;
    if (properties.size >= PATTERNS_MAX_PROPERTIES) {
      return `makes the schema use more than ${PATTERNS_MAX_PROPERTIES} Unicode properties. Use fewer different ones.`;
    }
    const property = toProperty(name);
    if (property === null) return INVALID;
    properties.set(name, property);
  }
  return null;
}

/** Whether the pattern matches somewhere in the text. Meaningless if the budget is overdrawn. */
export function matches({ program }: Pattern, text: string, budget: StepBudget): boolean {
  return runProgram(program, text, budget);
}

const SPECIAL_GROUP = /\(\?(?!:)/y;
const BACKREFERENCE = /\\(?:[1-9]|k)/y;
const QUANTIFIER = /([*+?]|\{(\d+)(,?)(\d*)\})\??/y;

/** Reads a pattern whose syntax is valid. Recursion is at most as deep as the pattern is long. */
class Parser {
  fault: string | null = null;
  readonly #source: string;
  readonly #parts: PatternParts;
  #at = 0;

  constructor(source: string, parts: PatternParts) {
    this.#source = source;
    this.#parts = parts;
  }

  choice(): PatternPart {
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: "choice", parts };
  }

  #sequence(): PatternPart {
    const parts: PatternPart[] = [];
    while (this.#at < this.#source.length && !"|)".includes(this.#source.charAt(this.#at))) {
      parts.push(this.#quantified(this.#atom()));
      if (this.fault !== null) break;
    }
    return { kind: "sequence", parts };
  }

  #atom(): PatternPart {
    if (this.#match(SPECIAL_GROUP) !== null) {
      return this.#refuse("has a lookaround, a named group or a modifier. Use only groups like (…) and (?:…).");
    }
    if (this.#match(BACKREFERENCE) !== null) {
      return this.#refuse("has a backreference. Write the group's own pattern again instead.");
    }
    if (this.#take("(?:") || this.#take("(")) {
      const inner = this.choice();
      this.#take(")");
      return inner;
    }
    if (this.#take("^")) return { kind: "assertion", assertion: "start" };
    if (this.#take("$")) return { kind: "assertion", assertion: "end" };
    if (this.#take("\\b")) return { kind: "assertion", assertion: "boundary" };
    if (this.#take("\\B")) return { kind: "assertion", assertion: "inside" };
    const token = tokenAt(this.#source, this.#at);
    this.#at += token.length;
    return { kind: "character", set: this.#setOf(token) };
  }

  #quantified(part: PatternPart): PatternPart {
    const found = this.#match(QUANTIFIER);
    if (found === null) return part;
    const [, quantifier, least, comma, most] = found;
    if (quantifier === "*") return { kind: "repeat", part, min: 0, max: Number.POSITIVE_INFINITY };
    if (quantifier === "+") return { kind: "repeat", part, min: 1, max: Number.POSITIVE_INFINITY };
    if (quantifier === "?") return { kind: "repeat", part, min: 0, max: 1 };
    const min = Number(least);
    const max = comma === "" ? min : most === "" ? Number.POSITIVE_INFINITY : Number(most);
    if (min > COUNT_MAX || (max > COUNT_MAX && max !== Number.POSITIVE_INFINITY)) {
      return this.#refuse(`has a count over ${COUNT_MAX}. Use a smaller count, or minLength and maxLength.`);
    }
    return { kind: "repeat", part, min, max };
  }

  #setOf(token: string): CharacterSet {
    const { sets, properties } = this.#parts;
    const known = sets.get(token);
    if (known !== undefined) return known;
    const set = setOf(token, properties);
    sets.set(token, set);
    return set;
  }

  #refuse(fault: string): PatternPart {
    this.fault ??= fault;
    return { kind: "sequence", parts: [] };
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#source);
    if (found !== null) this.#at += found[0].length;
    return found;
  }
}
