/** A test file's own settings, asked for in its first statement: `await useSettings("development");` */

import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { forgetLacking, lacksDatabase } from "../../src/database/database-state.ts";
import { type MORE_DATABASES, moreDatabases, type Setting, set } from "./settings.ts";

export async function useSettings(...settings: readonly Setting[]): Promise<void> {
  set(...settings);
  for (const [i, name] of moreDatabases().entries()) await prepareDatabase(name, i + 1);
  await askWhatLacks();
}

export async function prepareDatabase(name: "DB" | (typeof MORE_DATABASES)[number], number: number): Promise<void> {
  await applyD1Migrations(env[name], env.TEST_MIGRATIONS);
  await env[name].prepare("INSERT OR REPLACE INTO database_number (id, number) VALUES (1, ?)").bind(number).run();
}

/** An isolate asks once which databases lack something. It does so here, so that no test of a list counts the question. */
export async function askWhatLacks(): Promise<void> {
  forgetLacking();
  await lacksDatabase(env, { d1: 0, coordinator: 0 });
}
