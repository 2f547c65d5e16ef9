/** Where the tests look for secrets: whatever is logged, and every byte of D1 and of a coordinator's journal. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, vi } from "vitest";
import { coordinator } from "./direct.ts";

/** The lines that the service logs in each test of a file. */
export function watchLog(): string[] {
  const logged: string[] = [];
  beforeEach(() => {
    logged.length = 0;
    for (const method of ["log", "error", "warn", "info", "debug"] as const) {
      vi.spyOn(console, method).mockImplementation((...args) => void logged.push(args.map(String).join(" ")));
    }
  });
  return logged;
}

/** What the lines of this event say. */
export function linesOf(logged: readonly string[], event: string): Record<string, unknown>[] {
  return logged.map((line) => JSON.parse(line)).filter((line) => line.event === event);
}

const TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 4) <> '_cf_'";
const OF_D1 = ["runs", "tokens", "coordinators"];
const OF_JOURNAL = ["runs", "events", "dispatches", "stop_requests", "receiver_responses"];

export async function textOfD1(): Promise<string> {
  const names = namesOf((await env.DB.prepare(TABLES).all<{ name: string }>()).results, OF_D1);
  const tables = await Promise.all(names.map((name) => env.DB.prepare(`SELECT * FROM "${name}"`).all()));
  return textOf(tables.flatMap(({ results }) => results));
}

export function textOfJournal(path: string): Promise<string> {
  return runInDurableObject(coordinator(path), (_instance, { storage: { sql } }) => {
    const names = namesOf([...sql.exec<{ name: string }>(TABLES)], OF_JOURNAL);
    return textOf(names.flatMap((name) => [...sql.exec(`SELECT * FROM "${name}"`)]));
  });
}

function namesOf(tables: readonly { readonly name: string }[], wanted: readonly string[]): string[] {
  const names = tables.map(({ name }) => name);
  if (!wanted.every((name) => names.includes(name))) throw new Error(`only ${names.join()} are there`);
  return names;
}

/** Each value on a line, those of bytes in two encodings. D1 returns bytes as numbers. */
function textOf(rows: readonly Record<string, unknown>[]): string {
  const values = rows.flatMap((row) => Object.values(row));
  const texts = values.flatMap((value) => {
    if (!Array.isArray(value) && !(value instanceof ArrayBuffer)) return [String(value)];
    const bytes = new Uint8Array(value);
    return ["latin1", "utf-16le"].map((encoding) => new TextDecoder(encoding).decode(bytes));
  });
  return texts.join("\n");
}
