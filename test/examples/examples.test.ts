/// <reference types="vite/client" />
/**
 * The requests in examples/, rendered as the service sends them, against what each product documents, and against the
 * file beside them that receives. test/server/jobs/example-jobs.test.ts and example-scripts.test.ts run those files.
 */

import { describe, expect, it } from "vitest";
import * as z from "zod";
import actionFile from "../../action.yml?raw";
import byHandFile from "../../examples/any-product/job.sh?raw";
import azureAction from "../../examples/azure-devops/action.json";
import azureFile from "../../examples/azure-devops/azure-pipelines.yml?raw";
import buildbotAction from "../../examples/buildbot/action.json";
import buildbotFile from "../../examples/buildbot/master.cfg?raw";
import repositoryDispatchAction from "../../examples/github-actions/action-repository-dispatch.json";
import githubProofAction from "../../examples/github-actions/action-without-token.json";
import workflowDispatchAction from "../../examples/github-actions/action-workflow-dispatch.json";
import repositoryDispatchFile from "../../examples/github-actions/repository-dispatch.yml?raw";
import githubProofFile from "../../examples/github-actions/without-token.yml?raw";
import workflowDispatchFile from "../../examples/github-actions/workflow-dispatch.yml?raw";
import gitlabFile from "../../examples/gitlab/.gitlab-ci.yml?raw";
import gitlabAction from "../../examples/gitlab/action.json";
import gitlabProofAction from "../../examples/gitlab/action-without-token.json";
import gitlabProofFile from "../../examples/gitlab/without-token.gitlab-ci.yml?raw";
import jenkinsAction from "../../examples/jenkins/action.json";
import jenkinsFile from "../../examples/jenkins/Jenkinsfile?raw";
import nodeRedAction from "../../examples/node-red/action.json";
import flows from "../../examples/node-red/flows.json";
import shellAction from "../../examples/shell/action.json";
import hooks from "../../examples/shell/hooks.json";
import shellFile from "../../examples/shell/job.sh?raw";
import gitlabTemplate from "../../reporters/gitlab.yml?raw";
import { actionDefinition } from "../../src/actions/definition.ts";
import { executionClaim } from "../../src/auth/identity/trust.ts";
import { checkSchema } from "../../src/base/json-schema/check-schema.ts";
import { validate } from "../../src/base/json-schema/validate.ts";
import { newRun } from "../../src/runs/api/request-schemas.ts";
import { renderTrigger } from "../../src/webhooks/trigger-requests.ts";
import { GITHUB, GITLAB } from "../identity/documented-claims.ts";

const ID = "01a212de-9b55-8003-a8a9-dd2c148ea617";
const CALLBACK_URL = `https://runs.example/acme/shop/envs/production/action-runs/${ID}/callback`;
/** The callback URL in the two jobs without a token. */
const PLACE = `https://runs.example.com/YOUR_ORGANIZATION/YOUR_PROJECT/envs/production/action-runs/$\{{ inputs.run_id }}/callback`;
const CALLBACK_TOKEN = `${ID}:1795614708373:${"5e".repeat(32)}`;
const VERSION = "1.4.2";

const text = z.string().min(1);
const longestOf65535 = (value: object) => JSON.stringify(value).length <= 65_535;

interface Example {
  readonly name: string;
  readonly action: Definition;
  /** A run's parameters. Default: the version alone. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Scheme, host, path and query as documented, with the places for the caller's own names. */
  readonly url: RegExp;
  /** Every header that the caller sends, each value as documented. User-Agent and Content-Type are the service's. */
  readonly headers: Readonly<Record<string, RegExp>>;
  /** Every field that the product documents, its type and its limits: no other passes. */
  readonly documented: z.ZodType;
  /** What arrives. */
  readonly body: unknown;
  /** What the product documents as its answer, in part; missing if the response names no job. */
  readonly answered?: object;
  /** The job's page, as the response gives it. */
  readonly link?: string;
  /** The stop request with the values of the response, as documented. */
  readonly cancel?: { readonly method: string; readonly url: RegExp; readonly payload?: unknown };
}

const GITHUB_HEADERS = {
  Accept: /^application\/vnd\.github\+json$/,
  Authorization: /^Bearer [!-~]+$/,
  "X-GitHub-Api-Version": /^(2022-11-28|2026-03-10)$/,
};
const BASIC = /^Basic [\w+/]+=*$/;

const WORKFLOW_DISPATCH = z.strictObject({
  ref: text,
  inputs: z
    .record(text, z.string())
    .refine((inputs) => Object.keys(inputs).length <= 25)
    .refine(longestOf65535)
    .optional(),
  return_run_details: z.boolean().optional(),
});
const PIPELINE_TRIGGER = z.strictObject({
  token: text,
  ref: text,
  variables: z.record(z.string().regex(/^\w+$/), z.string()).optional(),
  inputs: z.record(text, z.json()).optional(),
});

const EXAMPLES: readonly Example[] = [
  {
    // https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
    // https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflow_dispatch
    name: "GitHub Actions, workflow_dispatch",
    action: workflowDispatchAction,
    url: /^https:\/\/api\.github\.com\/repos\/[\w.-]+\/[\w.-]+\/actions\/workflows\/[\w.-]+\.yml\/dispatches$/,
    headers: GITHUB_HEADERS,
    documented: WORKFLOW_DISPATCH,
    body: {
      ref: "main",
      return_run_details: true,
      inputs: { run_id: ID, callback_url: CALLBACK_URL, callback_token: CALLBACK_TOKEN, version: VERSION },
    },
    // https://docs.github.com/en/rest/actions/workflow-runs#cancel-a-workflow-run
    answered: { workflow_run_id: 42, html_url: "https://github.com/acme/shop/actions/runs/42" },
    link: "https://github.com/acme/shop/actions/runs/42",
    cancel: { method: "POST", url: /^https:\/\/api\.github\.com\/repos\/[\w.-]+\/[\w.-]+\/actions\/runs\/42\/cancel$/ },
  },
  {
    // https://github.blog/changelog/2026-02-19-workflow-dispatch-api-now-returns-run-ids
    name: "GitHub Actions, without a token",
    action: githubProofAction,
    url: /^https:\/\/api\.github\.com\/repos\/[\w.-]+\/[\w.-]+\/actions\/workflows\/[\w.-]+\.yml\/dispatches$/,
    headers: GITHUB_HEADERS,
    documented: WORKFLOW_DISPATCH,
    body: { ref: "main", return_run_details: true, inputs: { run_id: ID, version: VERSION } },
    answered: { workflow_run_id: 42, html_url: "https://github.com/acme/shop/actions/runs/42" },
    link: "https://github.com/acme/shop/actions/runs/42",
    cancel: { method: "POST", url: /^https:\/\/api\.github\.com\/repos\/[\w.-]+\/[\w.-]+\/actions\/runs\/42\/cancel$/ },
  },
  {
    // https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event
    // https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#repository_dispatch
    name: "GitHub Actions, repository_dispatch",
    action: repositoryDispatchAction,
    parameters: { version: VERSION, regions: ["eu", "us"] },
    url: /^https:\/\/api\.github\.com\/repos\/[\w.-]+\/[\w.-]+\/dispatches$/,
    headers: GITHUB_HEADERS,
    documented: z.strictObject({
      event_type: text.max(100),
      client_payload: z
        .record(text, z.json())
        .refine((payload) => Object.keys(payload).length <= 10)
        .refine(longestOf65535)
        .optional(),
    }),
    body: {
      event_type: "deploy",
      client_payload: {
        run_id: ID,
        callback_url: CALLBACK_URL,
        callback_token: CALLBACK_TOKEN,
        parameters: { version: VERSION, regions: ["eu", "us"] },
      },
    },
  },
  {
    // https://docs.gitlab.com/api/pipeline_triggers/#trigger-a-pipeline-with-a-token
    // https://docs.gitlab.com/ci/triggers/
    name: "GitLab, pipeline trigger",
    action: gitlabAction,
    url: /^https:\/\/gitlab\.com\/api\/v4\/projects\/[\w%.-]+\/trigger\/pipeline$/,
    headers: {},
    documented: PIPELINE_TRIGGER,
    body: {
      token: "YOUR_PIPELINE_TRIGGER_TOKEN",
      ref: "main",
      variables: { RUN_ID: ID, CALLBACK_URL, CALLBACK_TOKEN },
      inputs: { version: VERSION },
    },
    // https://docs.gitlab.com/api/pipelines/#cancel-all-jobs-for-a-pipeline
    answered: { id: 42, web_url: "https://gitlab.com/acme/shop/-/pipelines/42" },
    link: "https://gitlab.com/acme/shop/-/pipelines/42",
    cancel: { method: "POST", url: /^https:\/\/gitlab\.com\/api\/v4\/projects\/[\w%.-]+\/pipelines\/42\/cancel$/ },
  },
  {
    name: "GitLab, without a token",
    action: gitlabProofAction,
    url: /^https:\/\/gitlab\.com\/api\/v4\/projects\/[\w%.-]+\/trigger\/pipeline$/,
    headers: {},
    documented: PIPELINE_TRIGGER,
    body: { token: "YOUR_PIPELINE_TRIGGER_TOKEN", ref: "main", inputs: { run_id: ID, version: VERSION } },
    answered: { id: 42, web_url: "https://gitlab.com/acme/shop/-/pipelines/42" },
    link: "https://gitlab.com/acme/shop/-/pipelines/42",
    cancel: { method: "POST", url: /^https:\/\/gitlab\.com\/api\/v4\/projects\/[\w%.-]+\/pipelines\/42\/cancel$/ },
  },
  {
    // https://www.jenkins.io/doc/book/using/remote-access-api/
    // https://www.jenkins.io/doc/book/system-administration/authenticating-scripted-clients/
    name: "Jenkins, buildWithParameters",
    action: jenkinsAction,
    url: /^https:\/\/jenkins\.example\.com(\/job\/[\w.%-]+)+\/buildWithParameters$/,
    headers: { Authorization: BASIC, "Content-Type": /^application\/x-www-form-urlencoded$/ },
    documented: z.record(text, z.string()),
    body: { RUN_ID: ID, CALLBACK_URL, CALLBACK_TOKEN, VERSION },
  },
  {
    // https://learn.microsoft.com/en-us/rest/api/azure/devops/pipelines/runs/run-pipeline?view=azure-devops-rest-7.1
    name: "Azure DevOps, run pipeline",
    action: azureAction,
    url: /^https:\/\/dev\.azure\.com\/[\w.%-]+\/[\w.%-]+\/_apis\/pipelines\/\w+\/runs\?api-version=7\.1$/,
    headers: { Authorization: BASIC },
    documented: z.strictObject({
      previewRun: z.boolean().optional(),
      resources: z
        .strictObject({ repositories: z.record(text, z.strictObject({ refName: z.string().startsWith("refs/") })) })
        .optional(),
      stagesToSkip: z.array(z.string()).optional(),
      templateParameters: z.record(text, z.string()).optional(),
      variables: z.record(text, z.strictObject({ value: z.string(), isSecret: z.boolean().optional() })).optional(),
      yamlOverride: z.string().optional(),
    }),
    body: {
      resources: { repositories: { self: { refName: "refs/heads/main" } } },
      templateParameters: { version: VERSION },
      variables: {
        RUN_ID: { value: ID },
        CALLBACK_URL: { value: CALLBACK_URL },
        CALLBACK_TOKEN: { value: CALLBACK_TOKEN, isSecret: true },
      },
    },
    // https://learn.microsoft.com/en-us/rest/api/azure/devops/build/builds/update-build?view=azure-devops-rest-7.1
    answered: { id: 42, _links: { web: { href: "https://dev.azure.com/acme/shop/_build/results?buildId=42" } } },
    link: "https://dev.azure.com/acme/shop/_build/results?buildId=42",
    cancel: {
      method: "PATCH",
      url: /^https:\/\/dev\.azure\.com\/[\w.%-]+\/[\w.%-]+\/_apis\/build\/builds\/42\?api-version=7\.1$/,
      payload: { status: "cancelling" },
    },
  },
  {
    // https://docs.buildbot.net/current/developer/rest.html
    // https://docs.buildbot.net/current/developer/raml/forcescheduler.html
    name: "Buildbot, force scheduler",
    action: buildbotAction,
    url: /^https:\/\/buildbot\.example\.com\/api\/v2\/forceschedulers\/[\w-]+$/,
    headers: { Authorization: BASIC },
    documented: z.strictObject({
      jsonrpc: z.literal("2.0"),
      id: text,
      method: z.literal("force"),
      params: z.record(text, z.string()),
    }),
    body: {
      jsonrpc: "2.0",
      id: ID,
      method: "force",
      params: {
        builderid: "YOUR_BUILDER_ID",
        reason: `action run ${ID}`,
        callback_url: CALLBACK_URL,
        callback_token: CALLBACK_TOKEN,
        version: VERSION,
      },
    },
    // https://docs.buildbot.net/current/developer/raml/buildrequest.html
    answered: { id: ID, jsonrpc: "2.0", result: [7, { YOUR_BUILDER_ID: 42 }] },
    cancel: {
      method: "POST",
      url: /^https:\/\/buildbot\.example\.com\/api\/v2\/buildrequests\/42$/,
      payload: { jsonrpc: "2.0", id: ID, method: "cancel", params: { reason: "The action run was cancelled." } },
    },
  },
  {
    name: "Node-RED, a flow",
    action: nodeRedAction,
    url: /^https:\/\/node-red\.example\.com\/action-runs\/deploy$/,
    headers: {},
    documented: z.record(text, z.json()),
    body: { run: { id: ID, callbackUrl: CALLBACK_URL, callbackToken: CALLBACK_TOKEN }, version: VERSION },
    answered: { job: { id: ID } },
    cancel: { method: "POST", url: /^https:\/\/node-red\.example\.com\/action-runs\/stop$/, payload: { job: ID } },
  },
  {
    // https://github.com/adnanh/webhook/blob/master/docs/Hook-Definition.md
    // https://github.com/adnanh/webhook/blob/master/docs/Referencing-Request-Values.md
    name: "plain shell, behind adnanh/webhook",
    action: shellAction,
    url: /^https:\/\/hooks\.example\.com\/hooks\/deploy$/,
    headers: { "X-Hook-Secret": /^[!-~]+$/ },
    documented: z.record(text, z.json()),
    body: { run: { id: ID, callbackUrl: CALLBACK_URL, callbackToken: CALLBACK_TOKEN }, version: VERSION },
  },
];

interface Request {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: unknown;
}

interface Definition {
  readonly parametersSchema: unknown;
  readonly reporter?: { readonly issuer: string; readonly claims: object; readonly execution: string };
  readonly trigger: Request & {
    readonly secrets?: Readonly<Record<string, string>>;
    readonly signingSecret?: string;
    readonly link?: string;
    readonly cancel?: Request;
  };
}

/** Puts the values in, as the service does. The placeholders of a run are left for `renderTrigger`. */
function withValues<T>(template: T, root: string, values: object = {}): T {
  const text = JSON.stringify(template).replace(
    new RegExp(`\\{\\{ ${root}\\.([\\w.]+) \\}\\}`, "g"),
    (placeholder, path: string) => {
      const value = path.split(".").reduce((place: unknown, key) => Object(place)[key], values);
      if (value === undefined) throw new Error(`${placeholder} has no value`);
      return String(value);
    },
  );
  return JSON.parse(text) as T;
}

function rendered(
  { trigger: { secrets, signingSecret: _signingSecret, link: _link, cancel: _cancel, ...template } }: Definition,
  given: Readonly<Record<string, unknown>> = { version: VERSION },
) {
  const { actionName, entityId, parameters, recommendations, trigger } = newRun.parse({
    actionName: "deploy",
    parameters: given,
    trigger: withValues(template, "secrets", secrets),
  });
  if (trigger === undefined) throw new Error("the example has no trigger");
  const request = renderTrigger(trigger, {
    run: {
      id: ID,
      actionName,
      triggeredBy: "root",
      createdAt: "2026-11-25T13:21:48.373Z",
      callbackUrl: CALLBACK_URL,
      callbackToken: CALLBACK_TOKEN,
      expiresAt: "2026-11-25T14:21:48.373Z",
      timeoutSeconds: 3600,
      traceparent: null,
    },
    parameters,
    recommendations,
    entity: { id: entityId },
  });
  if (!request.ok) throw new Error(request.error.message);
  const isForm = /form/.test(request.value.headers["Content-Type"] ?? "");
  const { body } = request.value;
  const fields: unknown = isForm ? Object.fromEntries(new URLSearchParams(body)) : JSON.parse(body);
  return { ...request.value, fields, startOn: trigger.startOn };
}

describe.each(EXAMPLES)(
  "$name: the request",
  ({ action, parameters, url, headers, documented, body, answered, link, cancel }) => {
    it("is one that the service takes, and goes where the product listens", () => {
      const request = rendered(action, parameters);
      expect(request.method).toBe("POST");
      expect(request.url).toMatch(url);
    });

    it("carries the headers that the product wants, and no others", () => {
      const request = rendered(action, parameters);
      expect(Object.keys(request.headers).sort()).toEqual(Object.keys(headers).sort());
      for (const [name, value] of Object.entries(headers)) expect(request.headers[name]).toMatch(value);
    });

    it("has only documented fields, of the documented types and within the limits", () => {
      expect(documented.safeParse(rendered(action, parameters).fields).error).toBeUndefined();
    });

    it("brings what the run was created with, and shows the callback's token nowhere but in the body", () => {
      const request = rendered(action, parameters);
      expect(request.fields).toEqual(body);
      expect(request.url + JSON.stringify(request.headers)).not.toContain(CALLBACK_TOKEN);
    });

    it("leaves the start to the job's first heartbeat, for a 2xx only says that it was queued", () => {
      expect(rendered(action, parameters).startOn).toBe("heartbeat");
    });

    it("accepts its own parameters, and refuses others", () => {
      const checked = checkSchema(action.parametersSchema);
      if (!checked.ok) throw new Error(checked.error.sentence);
      const { value: schema } = checked;
      const good = parameters ?? { version: VERSION };
      expect(validate(schema, good).ok).toBe(true);
      for (const bad of [{}, { ...good, version: "$(KEY)" }, { ...good, version: 1 }, { ...good, other: 1 }])
        expect(validate(schema, bad).ok, JSON.stringify(bad)).toBe(false);
    });

    it("keeps secrets where the service does not show them", () => {
      const { url, payload, link, cancel } = action.trigger;
      const shown = JSON.stringify([url, payload, link, cancel?.url, cancel?.payload]);
      expect(shown).not.toMatch(/YOUR_[A-Z_]*(TOKEN|SECRET|BASE64)/);
    });

    it("finds the job's page and the stop request in what the product answers, or has neither", () => {
      const { link: page, cancel: stop } = action.trigger;
      expect(page && withValues(page, "response", answered)).toBe(link);
      if (cancel === undefined || stop === undefined) return expect(stop).toBe(cancel);
      const filled = withValues(stop, "response", answered);
      const request = rendered({ ...action, trigger: { ...action.trigger, payload: {}, ...filled } });
      expect(request.method).toBe(cancel.method);
      expect(request.url).toMatch(cancel.url);
      expect(request.fields).toEqual(cancel.payload ?? {});
      const known = { ...headers, "PRIVATE-TOKEN": /^[!-~]+$/ };
      for (const [name, value] of Object.entries(request.headers))
        expect(value, name).toMatch(Object.entries(known).find(([one]) => one === name)?.[1] ?? /^$/);
    });
  },
);

describe.each(EXAMPLES.filter(({ action }) => action.reporter !== undefined))("$name", ({ action, answered }) => {
  it("is an action that the service takes, whose reporter is the execution that the product answers", () => {
    expect(actionDefinition.safeParse(action).error).toBeUndefined();
    expect(withValues(action.reporter?.execution, "response", answered)).toBe("42");
    const [kind, claims] = action === githubProofAction ? (["github", GITHUB] as const) : (["gitlab", GITLAB] as const);
    expect(action.reporter?.issuer).toBe(claims.iss);
    for (const name of Object.keys(action.reporter?.claims ?? {})) expect(claims).toHaveProperty(name);
    expect(claims).toHaveProperty(executionClaim(kind) ?? "");
    expect(JSON.stringify(action)).not.toContain("callback");
  });
});

/** The names that `pattern` finds in a file, sorted. */
function names(file: string, pattern: RegExp): readonly string[] {
  return [...new Set([...file.matchAll(pattern)].map(([, name = ""]) => name))].sort();
}

describe("what is sent and what the receiving side declares are the same", () => {
  it("for workflow_dispatch: each input, for GitHub refuses any that is not declared", () => {
    const { inputs } = workflowDispatchAction.trigger.payload;
    expect(names(workflowDispatchFile, /^ {6}(\w+): \{ type: string/gm)).toEqual(Object.keys(inputs).sort());
    const read = names(workflowDispatchFile + actionFile, /\binputs\.(\w+)/g);
    for (const name of Object.keys(inputs)) if (name !== "callback_token") expect(read).toContain(name);
    for (const name of names(workflowDispatchFile, /\binputs\.(\w+)/g)) expect(inputs).toHaveProperty(name);
    expect(workflowDispatchAction.trigger.url).toContain("/workflow-dispatch.yml/");
    expect(workflowDispatchFile).toContain(".github/workflows/workflow-dispatch.yml");
  });

  it("without a token: each input, and the callback URL of the run in place of its token", () => {
    const { inputs } = githubProofAction.trigger.payload;
    expect(names(githubProofFile, /^ {6}(\w+): \{ type: string/gm)).toEqual(Object.keys(inputs).sort());
    expect(names(githubProofFile, /\binputs\.(\w+)/g)).toEqual(Object.keys(inputs).sort());
    expect(githubProofAction.trigger.url).toContain("/without-token.yml/");
    expect(githubProofFile).toContain(".github/workflows/without-token.yml");
    expect(githubProofFile).toMatch(/^ {2}id-token: write$/m);
    const { inputs: ofGitlab } = gitlabProofAction.trigger.payload;
    expect(names(gitlabProofFile, /^ {4}(\w+):\n(?: {6}#.*\n)* {6}regex: /gm)).toEqual(Object.keys(ofGitlab).sort());
    expect(names(gitlabProofFile, /\$\[\[ inputs\.(\w+) \]\]/g)).toEqual(Object.keys(ofGitlab).sort());
    const [aud, url] = ["aud", "CALLBACK_URL"].map((name) => new RegExp(`${name}: "(.*)"`).exec(gitlabProofFile)?.[1]);
    expect(aud).toBe(url);
    const urls = [url?.replace("$[[", "${{").replace("]]", "}}"), ...names(githubProofFile, /callback-url: (.*)/g)];
    expect(new Set(urls)).toEqual(new Set([PLACE]));
  });

  it("for repository_dispatch: the type, and what is read of the payload", () => {
    const { trigger } = repositoryDispatchAction;
    expect(trigger.payload.event_type).toBe("{{ run.actionName }}");
    expect(repositoryDispatchFile).toContain("types: [deploy]");
    const { client_payload: payload } = trigger.payload;
    // The action finds the token by its form.
    const { callback_token: _, ...read } = payload;
    const files = repositoryDispatchFile + actionFile;
    expect(names(files, /client_payload\.(\w+)/g)).toEqual(Object.keys(read).sort());
  });

  it("for GitLab: the variables and the inputs", () => {
    const { variables, inputs } = gitlabAction.trigger.payload;
    const said = (gitlabFile + gitlabTemplate).replace(/^ *#.*$/gm, "");
    const read = names(said, /\$\{?([A-Z_]+)/g);
    for (const name of [...Object.keys(variables), "VERSION"]) expect(read).toContain(name);
    expect(names(gitlabFile, /^ {4}(\w+):\n(?: {6}#.*\n)* {6}regex: /gm)).toEqual(Object.keys(inputs));
    expect(names(gitlabFile, /\$\[\[ inputs\.(\w+) \]\]/g)).toEqual(Object.keys(inputs));
  });

  it("for Jenkins: the parameters, with the token as a password", () => {
    const declared = names(jenkinsFile, /(?:string|password)\(name: '(\w+)'/g);
    expect(declared).toEqual(Object.keys(jenkinsAction.trigger.payload).sort());
    expect(jenkinsFile).toContain("password(name: 'CALLBACK_TOKEN'");
  });

  it("for Azure: the parameters, and the secret mapped in each step that uses it", () => {
    const { templateParameters } = azureAction.trigger.payload;
    expect(names(azureFile, /^ {2}- name: (\w+)/gm)).toEqual(Object.keys(templateParameters).sort());
    expect(azureFile.match(/CALLBACK_TOKEN: \$\(CALLBACK_TOKEN\)/g)).toHaveLength(2);
  });

  it("for Buildbot: the scheduler, and its parameters", () => {
    const { builderid: _, reason: _reason, ...params } = buildbotAction.trigger.payload.params;
    expect(names(buildbotFile, /StringParameter\(name='(\w+)', required=True/g)).toEqual(Object.keys(params).sort());
    for (const name of ["callback_url", "callback_token", "version"])
      expect(names(buildbotFile, /util\.Property\('(\w+)'\)/g)).toContain(name);
    const [scheduler] = /[\w-]+$/.exec(buildbotAction.trigger.url) ?? [];
    expect(names(buildbotFile, /ForceScheduler\(\s+name='([\w-]+)'/g)).toEqual([scheduler]);
    // A worker expands ${NAME} in an environment, and a log may show it.
    expect(names(buildbotFile, /'([A-Z_]+)': util\.Property/g)).toEqual(["CALLBACK_TOKEN", "CALLBACK_URL"]);
    expect(buildbotFile.match(/logEnviron=False/g)).toHaveLength(buildbotFile.match(/ env=/g)?.length ?? 0);
  });

  it("for Node-RED: the paths, whose bodies nothing parses before the signature is checked", () => {
    const { url, cancel } = nodeRedAction.trigger;
    const entries = flows.filter(({ type }) => type === "http in");
    const paths = [url, cancel.url].map((one) => new URL(one).pathname);
    expect(entries.map((entry) => entry.url)).toEqual(paths);
    for (const { method, skipBodyParsing } of entries)
      expect({ method, skipBodyParsing }).toEqual({ method: "post", skipBodyParsing: true });
    // A message to no node, or from a node that the file lacks, would be lost without a word.
    const ids = flows.map(({ id }) => id);
    for (const to of flows.flatMap(({ wires }) => (wires ?? []).flat())) expect(ids).toContain(to);
  });

  it("for the shell: the hook's path, its secret, and each value that it hands on", () => {
    const [hook, ...others] = hooks;
    expect(others).toEqual([]);
    const { pathname } = new URL(shellAction.trigger.url);
    expect(pathname).toBe(`/hooks/${hook?.id}`);
    expect(hook?.["http-methods"]).toEqual(["POST"]);
    const { value, parameter } = hook?.["trigger-rule"].match ?? {};
    expect(parameter?.source).toBe("header");
    expect(Object.entries(shellAction.trigger.headers)).toEqual([[parameter?.name, value]]);
    // Without it the tool answers 200 to a stranger, and the run would count as dispatched.
    expect(hook?.["trigger-rule-mismatch-http-response-code"]).toBe(403);
    for (const { source, name } of hook?.["pass-environment-to-command"] ?? []) {
      expect(source).toBe("payload");
      const at = name.split(".").reduce((place: unknown, key) => Object(place)[key], shellAction.trigger.payload);
      expect(at, name).toEqual(expect.any(String));
    }
    const handedOn = hook?.["pass-environment-to-command"].map(({ envname }) => envname);
    for (const needed of ["RUN_ID", "CALLBACK_URL", "CALLBACK_TOKEN"]) expect(handedOn).toContain(needed);
  });
});

const RECEIVERS = [
  { name: "workflow-dispatch.yml", file: workflowDispatchFile, reports: "uses: YOUR_ORG/action-runs@v1" },
  { name: "repository-dispatch.yml", file: repositoryDispatchFile, reports: "uses: YOUR_ORG/action-runs@v1" },
  { name: "without-token.yml", file: githubProofFile, reports: "uses: YOUR_ORG/action-runs@v1" },
  { name: "without-token.gitlab-ci.yml", file: gitlabProofFile, reports: "file: reporters/gitlab.yml" },
  { name: ".gitlab-ci.yml", file: gitlabFile, reports: "file: reporters/gitlab.yml" },
  { name: "Jenkinsfile", file: jenkinsFile, reports: "actionRuns" },
  { name: "azure-pipelines.yml", file: azureFile, reports: "reporters/report.sh" },
  { name: "master.cfg", file: buildbotFile, reports: "/report.sh" },
  { name: "shell/job.sh", file: shellFile, reports: "/report.sh" },
];

it.each(RECEIVERS)("$name reports by the one reporter, and sends nothing by hand", ({ file, reports }) => {
  expect(file).toContain(reports);
  expect(file).not.toMatch(/curl -|Bearer|Idempotency-Key/);
});

it("the example by hand gives curl a time-out, and the token on its input", () => {
  const [call, ...others] = byHandFile.match(/curl -.*/g) ?? [];
  expect(others).toEqual([]);
  expect(call).toMatch(/^curl -sS --max-time \d+ .*-H @- /);
  expect(call).not.toMatch(/token|--retry|-f\b|-o /i);
});

it("Azure's job hides the token before a reporter has it", () => {
  const mask = azureFile.indexOf("##vso[task.setsecret]");
  expect(mask).toBeGreaterThan(0);
  expect(mask).toBeLessThan(azureFile.indexOf("sh reporters/report.sh"));
});

it("GitLab's report has time left when the script's time is up", () => {
  const [whole, script, after] = [
    /^ {2}timeout: (\d+) minutes/m,
    /RUNNER_SCRIPT_.*: (\d+)m/,
    /RUNNER_AFTER_.*: (\d+)m/,
  ].map((pattern) => Number(pattern.exec(gitlabFile + gitlabTemplate)?.[1]));
  expect(Number(script) + Number(after)).toBeLessThan(Number(whole));
});

/** Where a product expands what a variable holds, only what the service makes may be sent as one. */
it.each([
  ["GitLab", Object.entries(gitlabAction.trigger.payload.variables)],
  ["Azure", Object.entries(azureAction.trigger.payload.variables).map(([name, { value }]) => [name, value])],
] as const)("%s gets in variables, which it expands, nothing that a caller can choose", (_, variables) => {
  expect(variables.length).toBeGreaterThan(0);
  for (const [name, value] of variables) expect(value, name).toMatch(/^\{\{ run\.(id|callbackUrl|callbackToken) \}\}$/);
});

// What stands between the braces becomes part of the script: a value could bring commands of its own.
it.each(RECEIVERS.filter(({ file }) => file.includes("${{")))("$name puts no expression into a script", ({ file }) => {
  const lines = file.split("\n").filter((line) => line.includes("${{"));
  for (const line of lines) expect(line).toMatch(/^(run-name: | {2}group: | {8,10}(VERSION|status|callback-url): )/);
  expect(lines.join("\n")).not.toMatch(/callback[_-]token/);
});
