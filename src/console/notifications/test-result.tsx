/** What became of a test message. */

import { useEffect, useRef } from "preact/hooks";
import type { EndpointTestResult } from "../../client/index.ts";
import { formatDuration } from "../ui/durations.ts";

export type Tested = EndpointTestResult;

const WORDS: Readonly<Record<Tested["outcome"], string>> = {
  delivered: "The test message arrived.",
  failed: "The test message did not arrive.",
  refused: "The test message did not arrive, and the service would not try it again.",
  not_made: "The service sent nothing.",
};

export function TestResult({ result }: { readonly result: Tested }) {
  const box = useRef<HTMLDivElement>(null);
  // It can be below what is seen.
  useEffect(() => box.current?.scrollIntoView({ block: "nearest" }), [result]);
  const { outcome, reason, durationMs, excerpt } = result;
  return (
    <div ref={box} class={`form-problem is-${outcome === "delivered" ? "succeeded" : "failed"}`} role="alert">
      <p>
        <strong>{WORDS[outcome]}</strong> The receiver <bdi>{reason.replace(/\.$/, "")}</bdi>, after{" "}
        {formatDuration(durationMs)}.
      </p>
      {excerpt === null ? null : (
        <pre class="excerpt">
          <bdi>{excerpt}</bdi>
        </pre>
      )}
    </div>
  );
}
