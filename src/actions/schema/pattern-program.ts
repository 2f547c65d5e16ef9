/**
 * How a pattern is matched: Thompson's construction. A program follows all alternatives at once, so it never goes back in
 * the text. PURE. `pattern.ts` makes the parts from a caller's text.
 */

import { CHARACTER_CLASS_STEPS, type StepBudget } from "./step-budget.ts";

export type Assertion = "start" | "end" | "boundary" | "inside";

/** Whether a place for one character accepts the code point. */
export type CharacterTest = (code: number) => boolean;

/** `max`: Infinity for a quantifier without an upper count. */
export type Part =
  | { readonly kind: "character"; readonly accepts: CharacterTest }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
  | { readonly kind: "sequence"; readonly parts: readonly Part[] }
  | { readonly kind: "choice"; readonly parts: readonly Part[] }
  | { readonly kind: "repeat"; readonly part: Part; readonly min: number; readonly max: number };

/** `go` continues at each of its places; the others continue at the next instruction. */
type Instruction =
  | { readonly does: "accept"; readonly accepts: CharacterTest }
  | { readonly does: "assert"; readonly assertion: Assertion }
  | { readonly does: "go"; readonly to: readonly number[] }
  | { readonly does: "match" };

export type Program = readonly Instruction[];

/** Null if the program needs more than `max` instructions. The work is bounded by `max`, whatever the counts are. */
export function compile(part: Part, max: number): Program | null {
  const program: Instruction[] = [];
  emit(part, program, max);
  // The last instruction says that the whole pattern matched, so it is none of the caller's.
  return program.push({ does: "match" }) > max + 1 ? null : program;
}

/** Appends at least one instruction for each part. Otherwise nested counts of nothing would take for ever. */
function emit(part: Part, program: Instruction[], max: number): void {
  if (program.length > max) return;
  if (part.kind === "character") program.push({ does: "accept", accepts: part.accepts });
  else if (part.kind === "assertion") program.push({ does: "assert", assertion: part.assertion });
  else if (part.kind === "choice") emitChoice(part.parts, program, max);
  else if (part.kind === "repeat") emitRepeat(part, program, max);
  else if (part.parts.length === 0) emitNothing(program);
  else for (const one of part.parts) emit(one, program, max);
}

function emitNothing(program: Instruction[]): void {
  program.push({ does: "go", to: [program.length + 1] });
}

function emitChoice(parts: readonly Part[], program: Instruction[], max: number): void {
  const starts: number[] = [];
  const ends: number[][] = [];
  program.push({ does: "go", to: starts });
  for (const part of parts) {
    starts.push(program.length);
    emit(part, program, max);
    const to: number[] = [];
    ends.push(to);
    program.push({ does: "go", to });
  }
  for (const to of ends) to.push(program.length);
}

function emitRepeat(repeat: Extract<Part, { kind: "repeat" }>, program: Instruction[], max: number): void {
  const { part, min } = repeat;
  if (repeat.max === 0) emitNothing(program);
  for (let i = 0; i < min && program.length <= max; i++) emit(part, program, max);
  const ways: number[][] = [];
  for (let i = min; i < repeat.max && program.length <= max; i++) {
    const again = program.length;
    const to = [again + 1];
    ways.push(to);
    program.push({ does: "go", to });
    emit(part, program, max);
    if (repeat.max === Number.POSITIVE_INFINITY) {
      program.push({ does: "go", to: [again] });
      break;
    }
  }
  for (const to of ways) to.push(program.length);
}

/** Making the lists of one run. */
const RUN_STEPS = 20;

/** Whether the program matches somewhere in the text. Meaningless if the budget is overdrawn. */
export function runProgram(program: Program, text: string, budget: StepBudget): boolean {
  budget.left -= RUN_STEPS + (program.length >> 2);
  const first = program[0];
  const isAnchored = first?.does === "assert" && first.assertion === "start";
  /** The last position, plus one, at which an instruction was followed. Each is followed once at a position. */
  const followedAt = new Uint32Array(program.length);
  const todo: number[] = [];
  const tests: CharacterTest[] = [];
  const places: number[] = [];
  for (let at = 0; budget.left >= 0; ) {
    if (at === 0 || !isAnchored) todo.push(0);
    tests.length = 0;
    places.length = 0;
    for (let place = todo.pop(); place !== undefined; place = todo.pop()) {
      if (followedAt[place] === at + 1) continue;
      followedAt[place] = at + 1;
      budget.left -= 1;
      const instruction = program[place];
      if (instruction === undefined || instruction.does === "match") return true;
      if (instruction.does === "go") for (const next of instruction.to) todo.push(next);
      else if (instruction.does === "accept") {
        tests.push(instruction.accepts);
        places.push(place);
      } else if (holds(instruction.assertion, text, at)) todo.push(place + 1);
    }
    const code = text.codePointAt(at);
    if (code === undefined || (isAnchored && places.length === 0)) return false;
    if (code > 127) budget.left -= places.length * CHARACTER_CLASS_STEPS;
    for (let i = 0; i < places.length; i++) if (tests[i]?.(code) === true) todo.push((places[i] ?? 0) + 1);
    at += code > 0xffff ? 2 : 1;
  }
  return false;
}

function holds(assertion: Assertion, text: string, at: number): boolean {
  if (assertion === "start") return at === 0;
  if (assertion === "end") return at === text.length;
  return (isWord(text, at - 1) !== isWord(text, at)) === (assertion === "boundary");
}

function isWord(text: string, at: number): boolean {
  const code = text.charCodeAt(at) | 0;
  const lower = code | 32;
  return (code >= 48 && code <= 57) || (lower >= 97 && lower <= 122) || code === 95;
}
