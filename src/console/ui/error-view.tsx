/** What went wrong and what to do. A failure that may pass counts down to the next try. */

import { ActionRunsError } from "../../client/index.ts";
import { Button } from "./button.tsx";
import { useNow } from "./clock.tsx";
import { CopyButton } from "./copy-button.tsx";
import { Icon } from "./icons.tsx";
import type { Failure } from "./load.ts";

interface ErrorViewProps {
  /** Null: there is nothing to say. */
  readonly failure: Failure | null;
  /** Tries again now. */
  readonly onRetry: () => void;
  /** Whether it is a line above content that is still shown. Otherwise it fills the page. */
  readonly isBanner?: boolean;
}

export function ErrorView({ failure, onRetry, isBanner = false }: ErrorViewProps) {
  if (failure === null) return null;
  const { error, retryAt } = failure;
  const requestId = error instanceof ActionRunsError ? error.requestId : null;
  return (
    <div class={isBanner ? "error-banner" : "error-view"} role="alert">
      <Icon name="warning" />
      <p>{sentenceOf(error)}</p>
      {/* The countdown is hidden from screen readers: an alert that ticks would be read out each second. */}
      {retryAt === null ? null : <NextTry at={retryAt} />}
      <Button onClick={onRetry}>Try now</Button>
      {requestId === null || isBanner ? null : (
        <p class="request-id">
          Request <code>{requestId}</code> <CopyButton what="request id" text={requestId} />
        </p>
      )}
    </div>
  );
}

function NextTry({ at }: { readonly at: number }) {
  const now = useNow(1000);
  const seconds = Math.ceil((at - now) / 1000);
  return (
    <p class="next-try" aria-hidden="true">
      {seconds > 0 ? `Next try in ${seconds}s` : "Trying again …"}
    </p>
  );
}

/** An error in one or two sentences. The API's own sentences say what to do. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ActionRunsError) return error.message;
  // A setting that the client refused, such as a name in the address.
  if (error instanceof TypeError) return error.message;
  return "Something went wrong in the console. Reload the page.";
}
