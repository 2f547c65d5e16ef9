/** Starts the explorer, with all switched off that would talk to other hosts than ours or keep a token. */

// The explorer's copy of zod tries whether it may make code from text, which the page's policy refuses. It has to be
// told not to try before it is loaded.
globalThis.__zod_globalConfig = { jitless: true };

const DOCUMENT = "/openapi.json";

/** fetch for the document, whose optional parameters come switched off, and for the requests that the user sends. */
async function fetchForExplorer(input, init) {
  const request = new Request(input, init);
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin || pathname !== DOCUMENT) return fetch(request);
  const answer = await fetch(request);
  if (!answer.ok) return answer;
  const text = JSON.stringify(await answer.json(), (_, value) =>
    isOptionalParameter(value) ? switchedOff(value) : value,
  );
  return new Response(text, { headers: { "Content-Type": "application/json" } });
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
