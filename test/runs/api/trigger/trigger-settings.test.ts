/** Which URLs a create may name, and what the operator's settings add and take away. */

import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Env } from "../../../../src/settings/env.ts";
import { askWith, envWith } from "../../../support/bindings.ts";
import { newRunsPath } from "../../../support/requests.ts";
import { create, expectRefused, expectTaken, PATH, WEBHOOK } from "./trigger-create.ts";

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(console, "error").mockImplementation(() => {});
});

const to = (url: string, x = "x") => ({ parameters: { x }, trigger: { ...WEBHOOK, url } });

describe("a URL is refused", () => {
  // A sample: every spelling there is stands in url-guard.test.ts.
  it.each([
    "http://ci.example.com/",
    "ftp://ci.example.com/",
    "/hooks",
    "",
    "https://127.0.0.1/",
    "https://0x7f.1/",
    "https://[::1]/",
    "https://localhost/",
    "https://ci/",
    "https://ci.example.com./",
    "https://ci.internal/",
    "https://user:pw@ci.example.com/",
    "https://ci.example.com:8443/",
    "https://ci.example.com /",
    "https://{{ parameters.x }}/",
    "https://{{ parameters.x }}.example.com/",
    "{{ parameters.x }}",
    "{{ parameters.x }}://ci.example.com/",
    "https://ci.example.com:{{ parameters.x }}/",
    "https://ci.example.com/#{{ parameters.x }}",
    "https://ci.example.com/{{ nonsense.x }}",
    "https://ci.example.com/{{ run.callbackToken",
  ])("the refusal of %j names trigger.url", (url) => expectRefused(to(url), "trigger.url: "));

  it.each([
    ["{{ parameters.x }}/run", ".."],
    ["{{ parameters.x }}/run", "."],
    [".{{ parameters.x }}/run", "."],
    ["%2e{{ parameters.x }}/run", "."],
    ["{{ parameters.x }}{{ parameters.x }}", "."],
    [".{{ parameters.x }}?a=b", ""],
    ["{{ parameters.x }}/run", "../../admin/s3cr3t/"],
    ["{{ parameters.x }}/run", "%2e%2e"],
  ])("jobs/%s where the parameter is %j: it would leave its path", (path, x) =>
    expectRefused(
      to(`https://ci.example.com/jobs/${path}`, x),
      "trigger.url: has a part . or .. in its path, also behind an escape, which leads out of the path; send values without it.",
    ),
  );

  it.each([
    ["a\nb", "has a control character in its path, also behind an escape; send values without it."],
    ["", "has nothing between two slashes, because a value is empty or missing; send the value."],
  ])("jobs/{{ parameters.x }}/run where it is %j", async (x, sentence) => {
    const url = "https://ci.example.com/jobs/{{ parameters.x }}/run";
    await expectRefused(to(url, x), `trigger.url: ${sentence}`);
    const trigger = { ...WEBHOOK, cancel: { url } };
    await expectRefused({ parameters: { x }, trigger }, `trigger.cancel.url: ${sentence}`);
    const linked = { ...WEBHOOK, link: url };
    await expectRefused({ parameters: { x }, trigger: linked }, `trigger.link: ${sentence}`);
  });

  it.each([
    ["{{ parameters.x }}/run", "..."],
    ["{{ parameters.x }}/run", "feature/x"],
    ["{{ parameters.x }}", ""],
    ["run?at={{ parameters.x }}", "../..\n"],
  ])("but not jobs/%s where it is %j", (path, x) => expectTaken(to(`https://ci.example.com/jobs/${path}`, x)));
});

describe("the service's own host is refused", () => {
  it.each([
    "https://runs.example/hooks",
    "https://RUNS.example:443/",
    "https://r%75ns.example/",
    `https://runs.example${PATH}`,
  ])("as the host that the request came to: %s", (url) =>
    expectRefused(to(url), "trigger.url: The URL leads back to this service"),
  );

  it("as PUBLIC_URL, on any port, beside the host that the request came to", async () => {
    const settings = { PUBLIC_URL: "https://api.runs.example.org/", WEBHOOK_PORTS: "8443" };
    for (const url of ["https://api.runs.example.org/x", "https://api.runs.example.org:8443/", "https://runs.example/"])
      await expectRefused(to(url), "trigger.url: The URL leads back", settings);
    await expectTaken(to("https://runs.example.org/"), settings);
  });

  it("and so is every other host that the request came to", () =>
    expectRefused(
      to("https://hooks.example.com/"),
      "trigger.url: The URL leads back",
      {},
      `https://hooks.example.com${PATH}`,
    ));
});

describe("the operator's settings", () => {
  it.each<[string, string, Partial<Env>, boolean]>([
    ["WEBHOOK_HOSTS closes to all but those", "https://ci.example.com/", { WEBHOOK_HOSTS: "ci.example.org" }, false],
    ["WEBHOOK_HOSTS opens those", "https://ci.example.com/", { WEBHOOK_HOSTS: "a.example.org, CI.example.com" }, true],
    ["*. opens what is below a name", "https://a.b.example.com/", { WEBHOOK_HOSTS: "*.example.com" }, true],
    ["*. does not open the name itself", "https://example.com/", { WEBHOOK_HOSTS: "*.example.com" }, false],
    ["*. does not open a name that ends alike", "https://badexample.com/", { WEBHOOK_HOSTS: "*.example.com" }, false],
    ["WEBHOOK_HOSTS opens no port", "https://ci.example.com:8443/", { WEBHOOK_HOSTS: "ci.example.com" }, false],
    ["WEBHOOK_PORTS opens a port", "https://ci.example.com:8443/", { WEBHOOK_PORTS: "9000,8443" }, true],
    ["WEBHOOK_PORTS opens no other port", "https://ci.example.com:8444/", { WEBHOOK_PORTS: "9000,8443" }, false],
    ["WEBHOOK_PORTS leaves 443 open", "https://ci.example.com/", { WEBHOOK_PORTS: "9000" }, true],
    [
      "ALLOW_INSECURE_WEBHOOKS is off unless it is true",
      "http://localhost:9000/",
      { ALLOW_INSECURE_WEBHOOKS: "1" },
      false,
    ],
  ])("%s: %s", (_, url, settings, isTaken) =>
    isTaken ? expectTaken(to(url), settings) : expectRefused(to(url), "trigger.url: ", settings),
  );

  it.each<[string, Partial<Env>]>([
    ["ALLOW_INSECURE_WEBHOOKS", { ALLOW_INSECURE_WEBHOOKS: "true" }],
    ["ALLOW_INSECURE_WEBHOOKS", { ALLOW_INSECURE_WEBHOOKS: "true", PUBLIC_URL: "http://localhost:8787" }],
    ["WEBHOOK_PORTS", { WEBHOOK_PORTS: "https" }],
    ["WEBHOOK_HOSTS", { WEBHOOK_HOSTS: "https://ci.example.com" }],
  ])(
    "%s that can't be used: 503 for a trigger, /readyz says so, and runs without one are made",
    async (name, settings) => {
      expect(await create({ trigger: WEBHOOK }, settings)).toEqual({
        status: 503,
        code: "not_configured",
        error: expect.stringContaining(name),
        uses: [],
      });
      const path = newRunsPath();
      const ready = await askWith(envWith(settings), "GET", "/readyz", { token: null });
      expect(ready).toMatchObject({ status: 503, body: { code: "not_ready", error: expect.stringContaining(name) } });
      const made = await askWith(envWith(settings), "POST", path, { body: { actionName: "deploy" } });
      expect(made).toMatchObject({ status: 201, body: { status: "pending" } });
    },
  );

  it("ALLOW_INSECURE_WEBHOOKS is refused too where only PUBLIC_URL is no loopback", async () => {
    const settings = { ALLOW_INSECURE_WEBHOOKS: "true", PUBLIC_URL: "https://runs.example.org" };
    const answer = await create({ trigger: WEBHOOK }, settings, `http://localhost:8787${PATH}`);
    expect(answer).toMatchObject({ status: 503, code: "not_configured" });
  });

  it("ALLOW_INSECURE_WEBHOOKS opens http and loopback in development, but not the service itself", async () => {
    const settings = { ALLOW_INSECURE_WEBHOOKS: "true", PUBLIC_URL: "" };
    for (const url of [
      "http://localhost:9000/",
      "http://127.0.0.1:9000/",
      "http://[::1]:9000/",
      "http://ci.example.com/",
    ])
      await expectTaken(to(url), settings, `http://localhost:8787${PATH}`);
    for (const url of ["http://localhost:8787/", "http://127.0.0.1:8787/x", "http://[::1]:8787/", "http://10.0.0.1/"])
      await expectRefused(to(url), "trigger.url: ", settings, `http://localhost:8787${PATH}`);
  });
});
