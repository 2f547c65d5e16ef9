/** The title and the subject that an action gives to its runs. */

import { describe, expect, it } from "vitest";
import { renderedFace } from "../../src/actions/run-texts.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { replicated } from "../support/replicated.ts";
import { type Answer, ask, type CreatedRun, createRun, report, type Schemas } from "../support/requests.ts";
import { newActionsPath, ORIGIN_A, put, runsOf } from "./actions.ts";

const ID = "01890a5d-ac96-774b-bcce-b302099a8057";
const LABELS = ["region:eu", "team:payments", "team:shop"];

function faceOf(title: string, parameters: JsonObject = {}, subject = title) {
  return renderedFace({ title, subject }, { parameters, entity: { id: ID }, labels: LABELS });
}

describe("a template has the run's values", () => {
  it.each<[string, JsonObject, string | null]>([
    ["deploy {{ parameters.service }} {{ parameters.version }}", { service: "shop", version: 1.5 }, "deploy shop 1.5"],
    ["of {{ entity.id }}", {}, `of ${ID}`],
    ["{{ labels }}", {}, "region:eu, team:payments, team:shop"],
    ["for {{ labels.team }} in {{ labels.region }}", {}, "for payments in eu"],
    ["{{ json parameters }}", { a: [1] }, '{"a":[1]}'],
    ["{{ parameters.a }}", { a: "{{ entity.id }}" }, "{{ entity.id }}"],
    ["deploy {{ parameters.service }}", {}, "deploy"],
    ["{{ parameters.a }}{{ parameters.b }}c", { a: " " }, "c"],
    ["{{ parameters.service }}", { service: null }, null],
    ["{{ parameters.service }}", { service: "  " }, null],
    ["{{ json parameters.service }}{{ json parameters.a }}{{ json labels.owner }}", { a: null }, null],
    ["{{ parameters.service }}", { service: "\u2800\u00a0\u2800" }, null],
    ["{{ labels.owner }}{{ parameters.toString }}", {}, null],
    ["{{ parameters.a }}", { a: "one\ntwo\u202e\u200b\u2028\u0085\0" }, "one\\ntwo\\u202e\\u200b\\u2028\\u0085\\u0000"],
    ["{{ parameters.a }}", { a: "\ud83d" }, "\\ud83d"],
    ["<script>{{ parameters.a }}", { a: "</script>" }, "<script></script>"],
  ])("%j with %j", (template, parameters, text) => {
    expect(faceOf(template, parameters)).toEqual({ title: text, subject: text });
  });

  it("and a missing value leaves one blank in a title", () => {
    expect(faceOf("a {{ parameters.b }} c").title).toBe("a c");
  });

  it("and without one there is neither", () => {
    expect(renderedFace({}, { parameters: {}, entity: { id: null }, labels: [] })).toEqual({
      title: null,
      subject: null,
    });
  });
});

describe("a title is cut at 120 characters, and a longer subject than 128 is none", () => {
  it.each<[string, string, number, number | null]>([
    ["as long as allowed", "a".repeat(120), 120, 120],
    ["a longer one", "a".repeat(121), 120, 121],
    ["the longest subject", "a".repeat(128), 120, 128],
    ["a subject that two services could share if it were cut", "a".repeat(129), 120, null],
    ["pairs of surrogates", "\u{1f680}".repeat(128), 120, 128],
    ["too many pairs of surrogates", "\u{1f680}".repeat(129), 120, null],
    ["8 KiB of combining marks", "e".padEnd(4096, "\u0301"), 120, null],
    ["what is too long only with its escapes", "\u202e".repeat(22), 120, null],
    ["blanks and then a service that would be cut", `${" ".repeat(250)}shop-europe`, 7, null],
  ])("%s", (_what, value, titled, subjected) => {
    const { title, subject } = faceOf("{{ parameters.a }}", { a: value });
    expect([title && [...title].length, subject && [...subject].length]).toEqual([titled, subjected]);
    expect(title?.isWellFormed()).toBe(true);
  });
});

const CLOSED = { type: "object", properties: { service: {}, version: {} }, additionalProperties: false };
const DEPLOY = {
  title: "deploy {{ parameters.service }} {{ parameters.version }}",
  subject: "{{ parameters.service }}",
  parametersSchema: CLOSED,
};

type Told = CreatedRun & { readonly details: Schemas["ActionRunDetails"] };

async function runOf(path: string, parameters: object, query = "?include=details"): Promise<Answer<Told>> {
  return ask("POST", `${path}/deploy/runs${query}`, { body: { parameters } });
}

const faceIn = ({ details: { title, subject } }: Told) => [title, subject];

describe("a run of an action", () => {
  it("has them for its life, whatever becomes of the action, and its retry has those of the action then", async () => {
    const path = newActionsPath();
    await put(`${path}/deploy`, DEPLOY);
    const { body: run } = await runOf(path, { service: "shop", version: "1.4.2" });
    expect(faceIn(run)).toEqual(["deploy shop 1.4.2", "shop"]);
    await put(`${path}/deploy`, { title: "roll out {{ parameters.service }}" });
    await report(run, { status: "failed", error: "no" });
    const url = `${runsOf(path)}/${run.id}`;
    const { body: read } = await ask<Told>("GET", `${url}?include=details`);
    expect(faceIn(read)).toEqual(["deploy shop 1.4.2", "shop"]);
    const { body: again } = await ask<Told>("POST", `${url}/retry?include=details`, {
      body: { parameters: { service: "docs" } },
    });
    expect(faceIn(again)).toEqual(["roll out docs", null]);
    const { body: listed } = await ask<Told[]>("GET", `${runsOf(path)}?include=details`);
    expect(listed.map(faceIn)).toEqual([
      ["roll out docs", null],
      ["deploy shop 1.4.2", "shop"],
    ]);
  });

  it("can't send them itself, because the action has them", async () => {
    const path = newActionsPath();
    await put(`${path}/deploy`, DEPLOY);
    for (const member of ["title", "subject"]) {
      const { status, body } = await ask<{ error: string }>("POST", `${path}/deploy/runs`, { body: { [member]: "x" } });
      expect([status, body.error]).toEqual([400, expect.stringContaining(member)]);
    }
  });
});

describe("an action is refused whose", () => {
  it.each([
    ["title has a placeholder that titles do not have", "title", "{{ secrets.key }}", "is unknown. Begin with one of"],
    ["title has a character that nobody sees", "title", "deploy\u202e", "has a character that nobody sees"],
    ["title is empty", "title", "", "is empty"],
    ["title is too long", "title", "a".repeat(501), "send at most 500"],
    ["subject is a whole object", "subject", "{{ entity }}", "is a whole object. Write {{ entity.id }}."],
    ["subject names a parameter that the schema does not have", "subject", "{{ parameters.servce }}", "Did you mean"],
  ])("%s", async (_what, member, template, sentence) => {
    const { status, body } = await put(`${newActionsPath()}/deploy`, { ...DEPLOY, [member]: template });
    expect([status, body.pointer]).toEqual([400, `/${member}`]);
    expect(body.error).toContain(sentence);
    expect(body.error).toMatch(new RegExp(`^${member}: `));
  });
});

describe("a create without a stored action", () => {
  it("may send both, and a retry keeps them", async () => {
    const path = runsOf(newActionsPath());
    const run = await createRun(path, { actionName: "deploy", title: "restore the shop", subject: "shop" });
    await report(run, { status: "failed", error: "no" });
    const { body: again } = await ask<Told>("POST", `${path}/${run.id}/retry?include=details`);
    expect(faceIn(again)).toEqual(["restore the shop", "shop"]);
  });

  it.each([
    ["title", "a".repeat(121), "send at most 120"],
    ["subject", "a".repeat(129), "send at most 128"],
    ["title", "a\u2028b", "has a character that nobody sees"],
    ["subject", "a\u202eb", "has a character that nobody sees"],
    ["subject", "", "is empty"],
    ["title", null, "send a string"],
  ])("is refused with the %s %j", async (member, value, sentence) => {
    const body = { actionName: "deploy", [member]: value };
    const { status, body: refusal } = await ask<Record<string, string>>("POST", runsOf(newActionsPath()), { body });
    expect([status, refusal.pointer]).toEqual([400, `/${member}`]);
    expect(refusal.error).toContain(sentence);
  });
});

it("a subject is a filter of lists, counts, the feed and bulk operations, and a facet", async () => {
  const path = runsOf(newActionsPath());
  const [shop, docs] = [
    await createRun(path, { actionName: "deploy", subject: "shop" }),
    await createRun(path, { actionName: "deploy", subject: "docs" }),
  ];
  await createRun(path);
  const idsIn = async (query: string) => (await ask<CreatedRun[]>("GET", `${path}?${query}`)).body.map(({ id }) => id);
  const filtered = async () => [
    await idsIn("subject=shop"),
    await idsIn("subject=shop&actionName=deploy&status=pending"),
    await idsIn("subject=SHOP"),
    await idsIn(`subject=docs&createdAfter=2020-01-01T00:00:00Z`),
  ];
  const all = [[shop.id], [shop.id], [], [docs.id]];
  expect(await filtered()).toEqual(all);
  await replicated(path);
  expect(await filtered()).toEqual(all);
  expect((await ask("GET", `${path}/summary?subject=shop`)).body).toMatchObject({ pending: 1 });
  const { body: feed } = await ask<{ runs: CreatedRun[] }>("GET", `${path}/changes?after=0&subject=docs`);
  expect(feed.runs.map(({ id }) => id)).toEqual([docs.id]);
  const { body: facets } = await ask("GET", `${path}/facets?field=subject&contains=ho`);
  expect(facets).toEqual({ values: ["shop"], more: false });
  const bulk = { operation: "cancel", filter: { subject: "shop" }, maxRuns: 10, dryRun: true };
  const { body: preview } = await ask("POST", path.replace("action-runs", "bulk-operations"), { body: bulk });
  expect(preview).toMatchObject({ matched: 1, newest: [shop.id] });
});

it("a page of a bulk operation's runs names them", async () => {
  const path = runsOf(newActionsPath());
  const run = await createRun(path, { actionName: "deploy", title: "restore the shop", subject: "shop" });
  const gone = "01a212de-9b55-8003-a8a9-dd2c148ea617";
  const operations = path.replace("action-runs", "bulk-operations");
  const asked = { body: { operation: "cancel", runIds: [run.id, gone] } };
  const { body: begun } = await ask<{ id: string }>("POST", operations, asked);
  const { body: items } = await ask<unknown[]>("GET", `${operations}/${begun.id}/items`);
  const unknown = { actionName: null, title: null, subject: null };
  expect(items).toMatchObject([
    { runId: run.id, actionName: "deploy", title: "restore the shop", subject: "shop" },
    { runId: gone, ...unknown },
  ]);
});

it("neither the audit nor a webhook's request has them", async () => {
  const path = newActionsPath();
  const trigger = { type: "webhook", url: `${ORIGIN_A}/hook` };
  await put(`${path}/deploy`, { ...DEPLOY, title: "seen-{{ parameters.service }}", trigger });
  await runOf(path, { service: "nowhere" });
  const project = path.split("/").slice(0, 3).join("/");
  expect(JSON.stringify((await ask("GET", `${project}/audit`)).body)).not.toContain("seen-nowhere");
});
