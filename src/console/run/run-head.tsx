/** The head of one run: its name, its status, and what may be done with it. */

import type { ComponentChildren } from "preact";
import type { DetailedActionRun } from "../../client/index.ts";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Icon } from "../ui/icons.tsx";
import { StatusMark } from "../ui/status.tsx";

interface RunHeadProps {
  readonly run: DetailedActionRun;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function RunHead({ run: { id, actionName, status }, onClose, children }: RunHeadProps) {
  return (
    <header class="run-head">
      <div class="run-title">
        <h2>
          <bdi>{actionName}</bdi>
        </h2>
        <p class="run-id">
          <StatusMark status={status} />
          <span>
            <code>{id}</code>
            <CopyButton what="run id" text={id} />
          </span>
        </p>
      </div>
      <div class="run-actions">
        {children}
        <span class="run-close">
          <Button kind="quiet" aria-label="Back to the list" title="Back to the list (Esc)" onClick={onClose}>
            <Icon name="cross" />
          </Button>
        </span>
      </div>
    </header>
  );
}
