/** Starts the explorer, with all switched off that would talk to other hosts than ours or keep a token. */

// The explorer's copy of zod tries whether it may make code from text, which the page's policy refuses. It has to be
// told not to try before it is loaded.
globalThis.__zod_globalConfig = { jitless: true };

const DOCUMENT = "/openapi.json";

/** fetch for the document, whose optional parameters come switched off, and for the requests that the user sends. */
async function fetchForExplorer(input, init) {
  const request = new Request(input, init);
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return fetch(request);
  if (pathname !== DOCUMENT) return fetchWithBookmark(request, pathname);
  const answer = await fetch(request);
  if (!answer.ok) return answer;
  const text = JSON.stringify(await answer.json(), (_, value) =>
    isOptionalParameter(value) ? switchedOff(value) : value,
  );
  return new Response(text, { headers: { "Content-Type": "application/json" } });
}

const BOOKMARK = "x-d1-bookmark";
const ENVIRONMENT = /^\/[^/]+\/[^/]+\/envs\/[^/]+\//;
/** Requests that run at the same time each leave a bookmark. The service accepts several, but not many. */
const BOOKMARKS_MAX = 8;

/** The bookmarks of each environment, until the page is closed. With them a list shows what the user just created. */
const bookmarksOf = new Map();

/**
 * Sends the bookmarks of the request's environment. A response's bookmark includes those that were sent, or says that
 * they are no longer needed, so it replaces them.
 */
async function fetchWithBookmark(request, pathname) {
  const [environment] = ENVIRONMENT.exec(pathname) ?? [];
  if (environment === undefined) return fetch(request);
  const sent = bookmarksOf.get(environment) ?? [];
  // A bookmark that the user typed goes along.
  if (sent.length > 0) request.headers.append(BOOKMARK, sent.map(({ value }) => value).join(","));
  const answer = await fetch(request);
  const value = answer.headers.get(BOOKMARK);
  if (value !== null) {
    const others = (bookmarksOf.get(environment) ?? []).filter((one) => !sent.includes(one));
    bookmarksOf.set(environment, [...others, { value }].slice(-BOOKMARKS_MAX));
  }
  return answer;
}

function isOptionalParameter(value) {
  return (value?.in === "query" || value?.in === "header") && value.required !== true && "schema" in value;
}

/** The explorer would send the example of each: a used idempotency key, a page long gone. */
function switchedOff({ example, examples, ...parameter }) {
  const { schema } = parameter;
  const value =
    example ??
    Object.values(examples ?? {})[0]?.value ??
    schema.examples?.[0] ??
    schema.example ??
    schema.default ??
    "";
  return { ...parameter, examples: { default: { value, "x-disabled": true } } };
}

// The explorer's own script comes after this one, and this event after both.
addEventListener("DOMContentLoaded", () => {
  globalThis.Scalar.createApiReference("#explorer", {
    url: DOCUMENT,
    customFetch: fetchForExplorer,
    // Where PUBLIC_URL is another name for the service, the page may still talk to its own origin alone.
    servers: [{ url: location.origin }],
    // None of these is ours: fonts, a proxy for requests, usage reports, an assistant, a desktop client, share links.
    withDefaultFonts: false,
    proxyUrl: "",
    telemetry: false,
    agent: { disabled: true },
    mcp: { disabled: true },
    hideClientButton: true,
    showDeveloperTools: "never",
    authentication: { preferredSecurityScheme: "apiToken" },
    // A token lives as long as the page does.
    persistAuth: false,
    documentDownloadType: "direct",
    defaultOpenAllTags: true,
  });
});
