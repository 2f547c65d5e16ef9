/** `npm run migrate` with an account, as a stand-in for wrangler has it. */

import { afterAll, expect, test } from "vitest";
import { Project } from "./project.ts";

const projects: Project[] = [];
afterAll(async () => {
  for (const project of projects) await project.remove();
});

/** `databases`: the bindings, each with the number that its database says. */
async function migrate(databases: Readonly<Record<string, number | null>>, inUse: readonly number[] = []) {
  const project = new Project();
  projects.push(project);
  project.standInForWrangler(databases, inUse);
  const script = project.run("run", "migrate");
  const code = await script.ended();
  const commands = project.commands().map(([, verb, ...args]) => [verb, ...args.slice(0, 2)].join(" "));
  return { code, printed: script.printed(), commands };
}

test("one database is migrated, and then gets its number", async () => {
  const { code, commands } = await migrate({ DB: null });
  expect([code, commands]).toEqual([0, ["migrations apply DB", "execute DB --command"]]);
});

test("each of several databases is migrated, and then gets its number", async () => {
  const { code, commands } = await migrate({ DB_10: null, DB: 0, DB_2: null });
  const all = ["DB", "DB_2", "DB_10"];
  const expected = [
    ...all.map((name) => `migrations apply ${name}`),
    ...all.map((name) => `execute ${name} --command`),
  ];
  expect([code, commands]).toEqual([0, expected]);
});

test("a database that says another number than its binding stops the deploy with a sentence", async () => {
  const { code, printed } = await migrate({ DB: 0, DB_1: 2, DB_2: 1 });
  expect(code).toBe(1);
  expect(printed).toContain("The database that is bound as DB_1 says that it is number 2");
  expect(printed).toContain("Nothing was deployed.");
});

test.each([
  ["the only one", { DB: 0 }],
  ["one of several", { DB: 0, DB_1: 1 }],
])("%s stops the deploy with a sentence if environments live in a database that is not bound", async (_, bound) => {
  const { code, printed } = await migrate(bound, [0, 1, 3]);
  expect(code).toBe(1);
  expect(printed).toMatch(/Environments live in database (1, )?3, which wrangler.toml does not bind/);
  expect(printed).toContain("Nothing was deployed.");
});

test("a database may be bound in which no environment lives", async () => {
  expect((await migrate({ DB: 0, DB_1: 1 }, [0])).code).toBe(0);
});

test("a binding that the service would ignore is refused", async () => {
  const project = new Project();
  projects.push(project);
  project.standInForWrangler({ DB: 0, DB_64: null });
  const script = project.run("run", "migrate");
  expect(await script.ended()).toBe(1);
  expect(script.printed()).toContain("Name it DB, or DB_1 to DB_63.");
});
