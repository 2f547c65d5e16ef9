/**
 * Regular expressions of `pattern` and `patternProperties`: which ones we accept, and how they are matched. PURE.
 *
 * The threat is a pattern that takes exponential time, or polynomial time of a high degree, on a text of 256 KiB. The
 * runtime's own RegExp backtracks and can't be stopped. So a pattern becomes a program that follows all alternatives at
 * once (Thompson's construction), and never goes back in the text. Its work is at most the text's characters times the
 * program's instructions, nested quantifiers included, and the budget counts it. The runtime checks only the syntax, and
 * says which single characters have a Unicode property (`character-set.ts`).
 *
 * The syntax is that of ECMA-262 with the flag `u`, without backreferences, lookarounds, named groups and modifiers. A
 * count repeats the instructions of what it counts, so `^[a-z]{0,1000}$` just fits and `(abc){700}` does not.
 */
import { PATTERNS_MAX_PROPERTIES } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { accepts, type CharacterSet, type Property, setOf, tokenAt, toProperty, toSet } from "./character-set.ts";
import type { StepBudget } from "./step-budget.ts";

const PATTERN_MAX_CHARACTERS = 1024;
const COUNT_MAX = 1000;
const INSTRUCTIONS_MAX = 2048;
const INVALID = "is not a valid regular expression. Correct its syntax as ECMA-262 has it with the flag u.";

export interface Pattern {
  readonly source: string;
  readonly program: Program;
}

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
  const program = new Program();
  emit(part, program);
  if (program.isTooLong) {
    return err(`repeats too much. Use smaller counts: a pattern can have ${INSTRUCTIONS_MAX} instructions.`);
  }
  // The last instruction says that the whole pattern matched. It does not count against INSTRUCTIONS_MAX.
  program.push(MATCH);
  return ok({ source, program });
}

/** The parser relies on it. Without properties, because the runtime would compute all characters of their classes. */
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
    for (const [text, assertion] of ASSERTIONS) if (this.#take(text)) return { kind: "assertion", assertion };
    const token = tokenAt(this.#source, this.#at);
    this.#at += token.length;
    const { sets, properties } = this.#parts;
    const set = sets.get(token) ?? setOf(token, properties);
    sets.set(token, set);
    return { kind: "character", set };
  }

  #quantified(part: PatternPart): PatternPart {
    const found = this.#match(QUANTIFIER);
    if (found === null) return part;
    const [, quantifier, least, comma, most] = found;
    const min = Number(least ?? (quantifier === "+" ? 1 : 0));
    const max = quantifier === "?" ? 1 : comma === "" ? min : Number(most || Number.POSITIVE_INFINITY);
    if (min > COUNT_MAX || (max > COUNT_MAX && max !== Number.POSITIVE_INFINITY)) {
      return this.#refuse(`has a count over ${COUNT_MAX}. Use a smaller count, or minLength and maxLength.`);
    }
    return { kind: "repeat", part, min, max };
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

/** `max`: Infinity for a quantifier without an upper count. */
type PatternPart =
  | { readonly kind: "character"; readonly set: CharacterSet }
  | { readonly kind: "assertion"; readonly assertion: number }
  | { readonly kind: "sequence"; readonly parts: readonly PatternPart[] }
  | { readonly kind: "choice"; readonly parts: readonly PatternPart[] }
  | { readonly kind: "repeat"; readonly part: PatternPart; readonly min: number; readonly max: number };

/** What an instruction does. A `GO` continues at each of its targets; the others continue at the next instruction. */
const ACCEPT = 0;
const GO = 1;
const MATCH = 2;
const START = 3;
const END = 4;
const BOUNDARY = 5;
const INSIDE = 6;

const ASSERTIONS = [
  ["^", START],
  ["$", END],
  ["\\b", BOUNDARY],
  ["\\B", INSIDE],
] as const;

const NOTHING = toSet([]);
const NOWHERE: readonly number[] = [];

/** The instructions, and the lists of a run. Each member is a list, because a run reads them some million times. */
class Program {
  readonly kinds: number[] = [];
  readonly sets: CharacterSet[] = [];
  readonly targets: (readonly number[])[] = [];

  // The lists of a run are kept, because making them takes longer than a short run. Runs never overlap.
  /** The number of the position at which an instruction was last put on `todo`. Each is followed once at a position. */
  readonly putAt: number[] = [];
  readonly todo: number[] = [];
  readonly accepting: number[] = [];
  /** Positions are numbered through all runs, so that nothing needs to be cleared. */
  position = 0;

  /** That bounds the work of making the program as well, whatever the counts are. */
  get isTooLong(): boolean {
    return this.kinds.length > INSTRUCTIONS_MAX;
  }

  push(kind: number, set = NOTHING, targets = NOWHERE): void {
    this.kinds.push(kind);
    this.sets.push(set);
    this.targets.push(targets);
    for (const list of [this.putAt, this.todo, this.accepting]) list.push(0);
  }
}

/** Appends at least one instruction for each part. Otherwise nested counts of nothing would take for ever. */
function emit(part: PatternPart, program: Program): void {
  if (program.isTooLong) return;
  if (part.kind === "character") program.push(ACCEPT, part.set);
  else if (part.kind === "assertion") program.push(part.assertion);
  else if (part.kind === "choice") emitChoice(part.parts, program);
  else if (part.kind === "repeat") emitRepeat(part, program);
  else if (part.parts.length === 0) program.push(GO, NOTHING, [program.kinds.length + 1]);
  else for (const one of part.parts) emit(one, program);
}

function emitChoice(parts: readonly PatternPart[], program: Program): void {
  const starts: number[] = [];
  const ends: number[][] = [];
  program.push(GO, NOTHING, starts);
  for (const part of parts) {
    starts.push(program.kinds.length);
    emit(part, program);
    const to: number[] = [];
    ends.push(to);
    program.push(GO, NOTHING, to);
  }
  for (const to of ends) to.push(program.kinds.length);
}

function emitRepeat(repeat: Extract<PatternPart, { kind: "repeat" }>, program: Program): void {
  const { part, min } = repeat;
  if (repeat.max === 0) emit({ kind: "sequence", parts: [] }, program);
  for (let i = 0; i < min && !program.isTooLong; i++) emit(part, program);
  const ways: number[][] = [];
  for (let i = min; i < repeat.max && !program.isTooLong; i++) {
    const again = program.kinds.length;
    const to = [again + 1];
    ways.push(to);
    program.push(GO, NOTHING, to);
    emit(part, program);
    if (repeat.max === Number.POSITIVE_INFINITY) {
      program.push(GO, NOTHING, [again]);
      break;
    }
  }
  for (const to of ways) to.push(program.kinds.length);
}

const RUN_STEPS = 5;
/** Going on to the next position, besides what is followed there. */
const POSITION_STEPS = 1;
/** Looking at the characters beside a position. */
const BOUNDARY_STEPS = 2;
/** So that positions stay integers for which the runtime needs no memory of their own. */
const POSITION_MAX = 2 ** 29;

/** Whether the pattern matches somewhere in the text. Meaningless if the budget is overdrawn. */
export function matches({ program }: Pattern, text: string, budget: StepBudget): boolean {
  const { kinds, sets, targets, putAt, todo, accepting } = program;
  const isAnchored = kinds[0] === START;
  if (program.position > POSITION_MAX) {
    putAt.fill(0);
    program.position = 0;
  }
  budget.left -= RUN_STEPS;
  let count = 0;
  for (let at = 0; budget.left >= 0; ) {
    // Each character that is accepted puts its next instruction on `todo` for this position before the position begins.
    const position = at === 0 ? ++program.position : program.position;
    if ((at === 0 || !isAnchored) && putAt[0] !== position) {
      putAt[0] = position;
      todo[count++] = 0;
    }
    let steps = POSITION_STEPS;
    let found = 0;
    while (count > 0) {
      const instruction = todo[--count] ?? 0;
      const kind = kinds[instruction] ?? MATCH;
      steps++;
      if (kind === ACCEPT) accepting[found++] = instruction;
      else if (kind === GO) {
        const next = targets[instruction] ?? NOWHERE;
        steps += next.length >> 2;
        for (const one of next) {
          if (putAt[one] === position) continue;
          putAt[one] = position;
          todo[count++] = one;
        }
      } else if (kind === MATCH) {
        budget.left -= steps;
        return true;
      } else {
        if (kind >= BOUNDARY) steps += BOUNDARY_STEPS;
        if (putAt[instruction + 1] === position || !holds(kind, text, at)) continue;
        putAt[instruction + 1] = position;
        todo[count++] = instruction + 1;
      }
    }
    budget.left -= steps;
    const code = codePointOf(text, at);
    if (code === null || (isAnchored && found === 0)) return false;
    const following = ++program.position;
    for (let i = 0; i < found; i++) {
      const instruction = accepting[i] ?? 0;
      const set = sets[instruction] ?? NOTHING;
      if (code > 127) budget.left -= set.steps;
      if (!accepts(set, code)) continue;
      putAt[instruction + 1] = following;
      todo[count++] = instruction + 1;
    }
    at += code > 0xffff ? 2 : 1;
  }
  return false;
}

/**
 * The code point at an index; null at the end of the text. V8's optimized `codePointAt` is not used: it reads past the
 * end of a text that is a part of a longer one, and so it joins the halves of a character that the text does not have.
 */
export function codePointOf(text: string, at: number): number | null {
  if (at >= text.length) return null;
  const first = text.charCodeAt(at);
  if (first < 0xd800 || first > 0xdbff || at + 1 === text.length) return first;
  const second = text.charCodeAt(at + 1);
  return second < 0xdc00 || second > 0xdfff ? first : 0x10000 + ((first - 0xd800) << 10) + second - 0xdc00;
}

function holds(assertion: number, text: string, at: number): boolean {
  if (assertion === START) return at === 0;
  if (assertion === END) return at === text.length;
  return (isWord(text, at - 1) !== isWord(text, at)) === (assertion === BOUNDARY);
}

function isWord(text: string, at: number): boolean {
  const code = text.charCodeAt(at) | 0;
  const lower = code | 32;
  return (code >= 48 && code <= 57) || (lower >= 97 && lower <= 122) || code === 95;
}
