/**
 * Random stories of unlanded runs, each step compared with a small model. The model keeps a list of every write, and
 * asks of each whether D1 has it.
 *
 * `UNLANDED_STORIES=200000 npx vitest run test/runs/projection/unlanded-model.test.ts` plays more stories than the
 * suite does. A failure prints its seed and the shortest story.
 */

import fc from "fast-check";
import { expect, inject, it } from "vitest";
import type { Unlanded } from "../../../src/runs/journal/landing-rows.ts";
import { UnlandedRuns } from "../../../src/runs/projection/unlanded-runs.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly unlandedStories: number;
  }
}

const SEED = 20260131;
const NAMES = ["a", "b", "c"] as const;
type Name = (typeof NAMES)[number];

/** `confirm` and `refuse` are about one run of the flight that is up, `late` is about one that a flight left behind. */
type Step =
  | { readonly what: "change" | "resync" | "forget"; readonly name: Name }
  | { readonly what: "confirm" | "refuse" | "late"; readonly nth: number }
  | { readonly what: "board"; readonly count: number }
  | { readonly what: "land" | "end" | "note" | "evict" };

const name = fc.constantFrom(...NAMES);
const nth = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant("change"), name }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant("resync"), name }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant("board"), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constantFrom("confirm", "refuse", "late"), nth }) },
  { weight: 7, arbitrary: fc.record({ what: fc.constantFrom("land", "land", "end", "end", "note") }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("evict") }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("forget"), name }) },
) as fc.Arbitrary<Step>;

interface Write {
  readonly id: string;
  readonly version: number;
  readonly seq: number;
}

interface Aboard {
  readonly entry: Unlanded;
  /** Lands again, and not for a change. */
  readonly isAgain: boolean;
}

/** The journal, D1 and the flights around the unlanded runs of one coordinator. */
class World {
  #runs = new UnlandedRuns();
  /** The newest version of each run. */
  readonly #journal = new Map<string, Unlanded>();
  #writes: Write[] = [];
  /** The versions that D1 has or has refused, as far as this instance was told. */
  readonly #inD1 = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  /** The journal's list of refused runs, which survives an eviction. */
  readonly #listed = new Set<string>();
  /** Runs that wait to land again. */
  readonly #again = new Map<string, Unlanded>();
  readonly #aboard = new Map<string, Aboard>();
  /** What failed flights carried. It may still land. */
  #adrift: Unlanded[] = [];
  #lastSeq = 0;
  #mark = 0;

  take(now: Step): void {
    if (now.what === "change") this.#change(now.name);
    else if (now.what === "resync") this.#resync(now.name);
    else if (now.what === "forget") this.#forget(now.name);
    else if (now.what === "board") this.#board(now.count);
    else if (now.what === "late") for (const entry of this.#adrift.splice(now.nth, 1)) this.#confirm(entry);
    else if (now.what === "confirm" || now.what === "refuse") {
      const one = [...this.#aboard.values()][now.nth];
      if (one !== undefined && now.what === "confirm") this.#confirm(one.entry);
      else if (one !== undefined) this.#refuse(one.entry);
    } else if (now.what === "land") {
      for (const { entry } of this.#aboard.values()) this.#confirm(entry);
      this.#end();
    } else if (now.what === "end") this.#end();
    else if (now.what === "note") this.#mark = Math.max(this.#mark, Math.min(this.#runs.firstSeq - 1, this.#lastSeq));
    else this.#evict();
  }

  #change(id: string): void {
    const version = (this.#journal.get(id)?.version ?? 0) + 1;
    const seq = ++this.#lastSeq;
    const entry = { id, version, seq, bytes: 100 * seq + version, changedAt: seq, run: null };
    this.#journal.set(id, entry);
    this.#writes.push(entry);
    this.#again.delete(id);
    this.#runs.add(entry);
  }

  #resync(id: string): void {
    const entry = this.#journal.get(id);
    if (entry === undefined) return;
    if (!this.#isKnown(id)) this.#again.set(id, entry);
    this.#runs.addAgain(entry);
  }

  #forget(id: string): void {
    for (const held of [this.#journal, this.#refused, this.#listed, this.#inD1]) held.delete(id);
    this.#writes = this.#writes.filter((write) => write.id !== id);
    this.#adrift = this.#adrift.filter((entry) => entry.id !== id);
    this.#landed(id, Number.POSITIVE_INFINITY);
    this.#runs.forget(id);
  }

  #board(count: number): void {
    if (this.#aboard.size > 0) return;
    const group = [...this.#runs.waiting()].slice(0, count);
    for (const entry of group) this.#aboard.set(entry.id, { entry, isAgain: this.#again.delete(entry.id) });
    this.#runs.board(group);
  }

  #confirm({ id, version }: Unlanded): void {
    this.#inD1.set(id, Math.max(version, this.#inD1.get(id) ?? 0));
    this.#landed(id, version);
    this.#runs.landed(id, version);
    if (!this.#isKnown(id) && (this.#refused.get(id) ?? 0) <= version) this.#listed.delete(id);
  }

  /** D1 takes the rest of the flight, but not this version. */
  #refuse({ id, version }: Unlanded): void {
    this.#refused.set(id, version);
    this.#landed(id, version);
    this.#runs.landed(id, version);
    if (!this.#isKnown(id)) this.#listed.add(id);
  }

  #landed(id: string, version: number): void {
    if ((this.#aboard.get(id)?.entry.version ?? Number.POSITIVE_INFINITY) <= version) this.#aboard.delete(id);
    if ((this.#again.get(id)?.version ?? Number.POSITIVE_INFINITY) <= version) this.#again.delete(id);
  }

  #end(): void {
    for (const [id, { entry, isAgain }] of this.#aboard) {
      this.#adrift.push(entry);
      if (isAgain && this.#firstSeqOf(id) === undefined) this.#again.set(id, entry);
    }
    this.#aboard.clear();
    this.#runs.flightEnded();
  }

  /** A new instance knows what the journal, the mark and the list of refused runs tell it. */
  #evict(): void {
    const known = [...this.#journal.values()]
      .filter(({ id, seq }) => seq > this.#mark || this.#listed.has(id))
      .sort((one, other) => one.seq - other.seq);
    const lost = this.#unlanded().filter(({ id }) => !known.some((entry) => entry.id === id));
    expect(lost).toEqual([]);
    // Nobody tells the new instance how the old one's flights end.
    for (const held of [this.#aboard, this.#again, this.#refused, this.#inD1]) held.clear();
    this.#adrift = [];
    this.#writes = known;
    this.#runs = new UnlandedRuns(known);
  }

  #unlanded(): Write[] {
    return this.#writes.filter(
      ({ id, version }) => version > Math.max(this.#inD1.get(id) ?? 0, this.#refused.get(id) ?? 0),
    );
  }

  #firstSeqOf(id: string): number | undefined {
    return this.#unlanded().find((write) => write.id === id)?.seq;
  }

  #isKnown(id: string): boolean {
    return this.#again.has(id) || this.#aboard.has(id) || this.#firstSeqOf(id) !== undefined;
  }

  /** What the unlanded runs say of themselves, and what is so. */
  compare(): void {
    const runs = this.#runs;
    const unlanded = this.#unlanded();
    const sum = (entries: readonly Unlanded[]) => entries.reduce((all, { bytes }) => all + bytes, 0);
    const aboard = [...this.#aboard.values()];
    const changed = [...new Set(unlanded.map(({ id }) => id))].flatMap((id) => this.#journal.get(id) ?? []);
    const waiting = changed.filter(({ id, version }) => version > (this.#aboard.get(id)?.entry.version ?? 0));
    const again = [...this.#again.values()];
    const tell = (entries: Iterable<Unlanded>) => [...entries].map(({ id, version }) => `${id}@${version}`);
    const said = {
      firstSeq: runs.firstSeq,
      size: runs.size,
      waiting: tell(runs.waiting()),
      isAnyWaiting: runs.isAnyWaiting,
      bytes: runs.bytes,
      again: NAMES.filter((id) => runs.isAgain(id)),
      known: NAMES.filter((id) => runs.has(id)),
    };
    const so = {
      firstSeq: unlanded[0]?.seq ?? Number.POSITIVE_INFINITY,
      size: changed.length,
      waiting: tell([...waiting, ...again]),
      isAnyWaiting: waiting.length + again.length > 0,
      bytes: sum([...waiting, ...aboard.filter(({ isAgain }) => !isAgain).map(({ entry }) => entry)]),
      again: NAMES.filter((id) => this.#again.has(id) || this.#aboard.get(id)?.isAgain),
      known: NAMES.filter((id) => this.#isKnown(id)),
    };
    const passed = unlanded.filter(({ id, seq }) => seq <= this.#mark && !this.#listed.has(id));
    // Once a step: an `expect` of each member would take most of the time.
    if (asText(said) !== asText(so)) expect(said).toEqual(so);
    if (passed.length > 0) expect(passed).toEqual([]);
  }
}

/** JSON, in which Infinity differs from null. */
function asText(value: object): string {
  return JSON.stringify(value, (_key, member) => (member === Number.POSITIVE_INFINITY ? "Infinity" : member));
}

it("the first number that has not landed is exact, and nothing is lost, whatever changes, flies, fails, is refused, comes late or is evicted", () => {
  const stories = fc.array(step, { minLength: 5, maxLength: 40, size: "max" });
  const play = (steps: readonly Step[]) => {
    const world = new World();
    for (const now of steps) {
      world.take(now);
      world.compare();
    }
  };
  fc.assert(fc.property(stories, play), { seed: SEED, numRuns: inject("unlandedStories") });
}, 600_000);
