/** What a receiver answered to a test. */
import { useEffect, useRef } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { formatDuration } from "../../words/durations.ts";

export type Tested = Schemas["WebhookTestResult"];

const WORDS: Readonly<Record<Tested["outcome"], string>> = {
  delivered: "arrived.",
  failed: "did not arrive.",
  refused: "did not arrive, and the service would not try it again.",
  not_made: "was not sent.",
};

interface TestResultProps {
  /** What was sent: `The test message`. */
  readonly what: string;
  readonly result: Tested;
}

export function TestResult({ what, result }: TestResultProps) {
  const box = useRef<HTMLDivElement>(null);
  // It can be below what is seen.
  useEffect(() => box.current?.scrollIntoView({ block: "nearest" }), [result]);
  const { outcome, reason, durationMs, excerpt } = result;
  return (
    <div ref={box} class={`note is-${outcome === "delivered" ? "succeeded" : "failed"}`} role="alert">
      <p>
        <strong>
          {what} {WORDS[outcome]}
        </strong>{" "}
        The receiver <bdi>{reason.replace(/\.$/, "")}</bdi>, after {formatDuration(durationMs)}.
      </p>
      {excerpt === null ? null : (
        <pre class="excerpt card is-side">
          <bdi>{excerpt}</bdi>
        </pre>
      )}
    </div>
  );
}
