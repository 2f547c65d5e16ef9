/**
 * How a pattern is matched: Thompson's construction. A program follows all alternatives at once, so it never goes back
 * in the text. PURE. `pattern.ts` makes the parts from a caller's text.
 */

import { accepts, type CharacterSet, toSet } from "./character-set.ts";
import type { StepBudget } from "./step-budget.ts";

export type Assertion = "start" | "end" | "boundary" | "inside";

/** `max`: Infinity for a quantifier without an upper count. */
export type PatternPart =
  | { readonly kind: "character"; readonly set: CharacterSet }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
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
const KIND_OF: Readonly<Record<Assertion, number>> = { start: START, end: END, boundary: BOUNDARY, inside: INSIDE };

/** The instructions as one list for each member, because a run reads them some million times. */
export interface Program {
  readonly kinds: readonly number[];
  /** Of an `ACCEPT`. */
  readonly sets: readonly CharacterSet[];
  /** Of a `GO`. */
  readonly targets: readonly (readonly number[])[];
  readonly scratch: Scratch;
}

/**
 * The lists of a run, as long as the program. They are kept, because making them takes longer than a short run. Runs
 * never overlap.
 */
interface Scratch {
  /** The number of the position at which an instruction was last put on `todo`. Each is followed once at a position. */
  readonly putAt: number[];
  readonly todo: number[];
  readonly accepting: number[];
  /** Positions are numbered through all runs, so that nothing needs to be cleared. */
  position: number;
}

const NOTHING = toSet([]);
const NOWHERE: readonly number[] = [];

class ProgramDraft {
  readonly kinds: number[] = [];
  readonly sets: CharacterSet[] = [];
  readonly targets: (readonly number[])[] = [];

  get length(): number {
    return this.kinds.length;
  }

  push(kind: number, set = NOTHING, targets = NOWHERE): void {
    this.kinds.push(kind);
    this.sets.push(set);
    this.targets.push(targets);
  }
}

/** Null if the program needs more than `max` instructions. The work is bounded by `max`, whatever the counts are. */
export function compile(part: PatternPart, max: number): Program | null {
  const draft = new ProgramDraft();
  emit(part, draft, max);
  if (draft.length > max) return null;
  // The last instruction says that the whole pattern matched, so it is none of the caller's.
  draft.push(MATCH);
  const { kinds, sets, targets } = draft;
  const list = () => Array<number>(kinds.length).fill(0);
  return { kinds, sets, targets, scratch: { putAt: list(), todo: list(), accepting: list(), position: 0 } };
}

/** Appends at least one instruction for each part. Otherwise nested counts of nothing would take for ever. */
function emit(part: PatternPart, program: ProgramDraft, max: number): void {
  if (program.length > max) return;
  if (part.kind === "character") program.push(ACCEPT, part.set);
  else if (part.kind === "assertion") program.push(KIND_OF[part.assertion]);
  else if (part.kind === "choice") emitChoice(part.parts, program, max);
  else if (part.kind === "repeat") emitRepeat(part, program, max);
  else if (part.parts.length === 0) emitNothing(program);
  else for (const one of part.parts) emit(one, program, max);
}

function emitNothing(program: ProgramDraft): void {
  program.push(GO, NOTHING, [program.length + 1]);
}

function emitChoice(parts: readonly PatternPart[], program: ProgramDraft, max: number): void {
  const starts: number[] = [];
  const ends: number[][] = [];
  program.push(GO, NOTHING, starts);
  for (const part of parts) {
    starts.push(program.length);
    emit(part, program, max);
    const to: number[] = [];
    ends.push(to);
    program.push(GO, NOTHING, to);
  }
  for (const to of ends) to.push(program.length);
}

function emitRepeat(repeat: Extract<PatternPart, { kind: "repeat" }>, program: ProgramDraft, max: number): void {
  const { part, min } = repeat;
  if (repeat.max === 0) emitNothing(program);
  for (let i = 0; i < min && program.length <= max; i++) emit(part, program, max);
  const ways: number[][] = [];
  for (let i = min; i < repeat.max && program.length <= max; i++) {
    const again = program.length;
    const to = [again + 1];
    ways.push(to);
    program.push(GO, NOTHING, to);
    emit(part, program, max);
    if (repeat.max === Number.POSITIVE_INFINITY) {
      program.push(GO, NOTHING, [again]);
      break;
    }
  }
  for (const to of ways) to.push(program.length);
}

/** Beginning one run. */
const RUN_STEPS = 5;
/** Going on to the next position, besides what is followed there. */
const POSITION_STEPS = 1;
/** Looking at the characters beside a position. */
const BOUNDARY_STEPS = 2;
/** So that positions stay integers for which the runtime needs no memory of their own. */
const POSITION_MAX = 2 ** 29;

/** Whether the program matches somewhere in the text. Meaningless if the budget is overdrawn. */
export function runProgram(program: Program, text: string, budget: StepBudget): boolean {
  const { kinds, sets, targets, scratch } = program;
  const { putAt, todo, accepting } = scratch;
  const isAnchored = kinds[0] === START;
  if (scratch.position > POSITION_MAX) {
    putAt.fill(0);
    scratch.position = 0;
  }
  budget.left -= RUN_STEPS;
  let count = 0;
  for (let at = 0; budget.left >= 0; ) {
    // Each character that is accepted puts its next instruction on `todo` for this position before the position begins.
    const position = at === 0 ? ++scratch.position : scratch.position;
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
    const code = text.codePointAt(at);
    if (code === undefined || (isAnchored && found === 0)) return false;
    const following = ++scratch.position;
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
