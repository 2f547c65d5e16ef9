/** What `retry` sends of the run's own parameters, and what commands say if nothing starts the new run's job. */

import { describe, expect, test } from "vitest";
import { json, RUN } from "../misbehaving.ts";
import { service } from "../service.ts";

const CALLBACK = { url: "https://runs.example/callback", token: "a-callback-token", expiresAt: RUN.createdAt };
/** A service whose run has these parameters, as JSON text. */
async function withParameters(parameters: string, created: object = RUN) {
  const one = JSON.stringify(RUN).replace('"parameters":{}', `"parameters":${parameters}`);
  const { server, run } = await service(({ method }, response) => {
    if (method === "POST") return json(response, 201, created);
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(one);
  });
  const posts = () => server.requests.filter(({ line }) => line.startsWith("POST")).map(({ body }) => body);
  return { server, posts, run };
}

describe("retry", () => {
  test("changes the parameters that -p and -f give, and keeps all others as they are written", async () => {
    const own = '{"a":1,"dryRun":true,"n":9007199254740992,"list":[1,{"b":null}],"a.b":"x","__proto__":1}';
    const { posts, run } = await withParameters(own);
    expect(await run("retry", RUN.id, "-p", "a=2", "-f", '{"n2":1e21,"dryRun":false}')).toMatchObject({ code: 0 });
    expect(posts()).toEqual([
      '{"parameters":{"a":"2","dryRun":false,"n":9007199254740992,"list":[1,{"b":null}],"a.b":"x","__proto__":1,"n2":1e+21}}',
    ]);
  });

  test("without a change sends no parameters, and reads no run", async () => {
    const { server, posts, run } = await withParameters('{"a":1}');
    expect(await run("retry", RUN.id)).toMatchObject({ code: 0 });
    expect(posts()).toEqual(["{}"]);
    expect(server.requests).toHaveLength(1);
  });

  test("--replace-parameters sends only the given ones, and is refused without any", async () => {
    const { server, posts, run } = await withParameters('{"a":1,"b":2}');
    expect(await run("retry", RUN.id, "--replace-parameters", "-p", "a=2")).toMatchObject({ code: 0 });
    expect(posts()).toEqual(['{"parameters":{"a":"2"}}']);
    const before = server.requests.length;
    const refused = await run("retry", RUN.id, "--replace-parameters");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("use -f '{}'");
    expect(server.requests).toHaveLength(before);
  });

  test.each(["9007199254740993", "-9007199254740993", "0.1234567890123456789", "1e400"])(
    "sends nothing if %s would become another number",
    async (number) => {
      const { posts, run } = await withParameters(`{"deep":[{"n":${number}}]}`);
      const refused = await run("retry", RUN.id, "-p", "a=2");
      expect(refused).toMatchObject({ code: 2, stdout: "" });
      expect(refused.stderr).toContain(number);
      expect(refused.stderr).toContain("--replace-parameters");
      for (const given of [
        ["-p", `n:=${number}`],
        ["-f", `{"n":${number}}`],
      ]) {
        for (const command of [
          ["retry", RUN.id, "--replace-parameters"],
          ["create", "deploy"],
        ]) {
          const own = await run(...command, ...given);
          expect([given, own.code, own.stderr]).toEqual([given, 2, expect.stringContaining(number)]);
        }
      }
      expect(posts()).toEqual([]);
    },
  );
});

describe("if nothing starts the job", () => {
  const said = /Nothing starts this run's job.*Start the job yourself, with the callback as CALLBACK_URL/s;

  test.each([
    ["create", ["create", "deploy"], { ...RUN, callback: CALLBACK }, true],
    ["retry", ["retry", RUN.id], { ...RUN, callback: CALLBACK }, true],
    ["action run", ["action", "run", "deploy"], { ...RUN, callback: CALLBACK }, true],
    ["create with a trigger", ["create", "deploy", "--trigger", "{}"], { ...RUN, callback: CALLBACK }, false],
    ["retry of an action with a trigger", ["retry", RUN.id], RUN, false],
  ])("%s says who must", async (_, args, created, isSaid) => {
    const { run } = await withParameters("{}", created);
    const { stdout, code } = await run(...args, "--no-json");
    expect([code, said.test(stdout)]).toEqual([0, isSaid]);
    expect(await run(...args)).toEqual({ code: 0, stdout: `${JSON.stringify(created)}\n`, stderr: "" });
  });

  test("--wait with JSON says that no job can report, because it prints no token", async () => {
    const { run } = await withParameters("{}", { ...RUN, callback: CALLBACK });
    const ended = await run("create", "deploy", "--wait", "--wait-timeout", "1");
    expect(ended).toMatchObject({ code: 7, stdout: "" });
    expect(ended.stderr).toContain("no job can report");
    expect(ended.stderr).not.toContain(CALLBACK.token);
  });
});

test.each([
  ["get", ["get", RUN.id], RUN],
  ["list", ["list", "--all"], [RUN]],
])("%s says once on stderr that the newest changes can be missing, if they can", async (_, args, body) => {
  for (const headers of [{ "Action-Runs-Stale": "true" }, {}]) {
    const { run } = await service((request, response) => {
      const isFirst = request.url?.includes("cursor") !== true;
      const more = isFirst ? { Link: '</x?cursor=next>; rel="next"' } : {};
      json(response, 200, body, { ...more, ...headers });
    });
    const { code, stdout, stderr } = await run(...args, "--json");
    expect([code, stdout.includes(RUN.id)]).toEqual([0, true]);
    expect(stderr.split("newest changes can be missing").length - 1).toBe("Action-Runs-Stale" in headers ? 1 : 0);
  }
});
