/** Callers that treat bookmarks in different ways, and what the bookmarks that they keep stand for. */

import { expect } from "vitest";
import { type Seen, union } from "./model.ts";

/** Keeps none; keeps the last and sends it with every request; or keeps all, and sends all of them with its reads. */
export type Keeps = "none" | "last" | "all";

interface Kept {
  readonly text: string;
  readonly seen: Seen;
}

/** What a request sends. */
export interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly seen: Seen;
}

export class Caller {
  readonly #keeps: Keeps;
  #kept: readonly Kept[] = [];

  constructor(keeps: Keeps) {
    this.#keeps = keeps;
  }

  toRead(): Sent {
    const text = this.#kept.map((kept) => kept.text).join(", ");
    const headers = text === "" ? {} : { "x-d1-bookmark": text };
    return { headers, seen: union(...this.#kept.map(({ seen }) => seen)) };
  }

  /** A caller that makes several changes at once can't send the bookmark of one with another. */
  toChange(): Sent {
    return this.#keeps === "all" ? { headers: {}, seen: new Map() } : this.toRead();
  }

  /** Keeps the bookmark of an answer. `own`: what the answer itself tells of. */
  answered(sent: Sent, text: string | null, own: Seen): void {
    if (text === null) return;
    // What was sent is part of it. A replica that has all of this must not be taken for one that has less. A list leaves
    // out the databases that it has not read.
    const before = d1Of(sent.headers["x-d1-bookmark"] ?? "");
    const after = d1Of(text);
    for (const [number, bookmark] of after) expect(bookmark >= (before.get(number) ?? "")).toBe(true);
    if (before.size > 0) expect(after.size).toBeGreaterThan(0);
    const isAlone =
      this.#keeps === "last" || sent.headers["x-d1-bookmark"] === this.toRead().headers["x-d1-bookmark"];
    const kept = { text, seen: union(sent.seen, own) };
    if (this.#keeps !== "none") this.#kept = isAlone ? [kept] : [...this.#kept, kept];
  }
}

export type Callers = Readonly<Record<Keeps, Caller>>;

export function newCallers(): Callers {
  return { none: new Caller("none"), last: new Caller("last"), all: new Caller("all") };
}

/** Whether a bookmark says that D1 may be behind. */
export function saysBehind(text: string | null): boolean {
  return (text ?? "").split(/[., ]+/).some((part) => part.length === 36);
}

/** The greatest bookmark of each database, by its number. */
function d1Of(text: string): ReadonlyMap<string, string> {
  const parts = text.split(/[., ]+/).filter((part) => part.includes(":"));
  return new Map(parts.sort().map((part) => [part.slice(0, part.indexOf(":")), part] as const));
}
