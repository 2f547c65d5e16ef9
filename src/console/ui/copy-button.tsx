/**
 * Copies a text as people see it, because whoever pastes it sees no more. The JSON of a value stays the JSON of that
 * value. Then the button says so, and a screen reader reads it out.
 */

import { useEffect, useState } from "preact/hooks";
import { Button, Icon, type IconName } from "./button.tsx";

import { useNotices } from "./notices.tsx";
import { seen } from "./seen-texts.ts";

const SHOWN_FOR_MS = 2000;

interface CopyButtonProps {
  /** What it copies, as in "Copy run id". */
  readonly what: string;
  readonly text: string | (() => string);
  /** Shows "Copy" beside the icon, or this text. */
  readonly hasWord?: boolean | string;
  readonly icon?: IconName;
}

export function CopyButton({ what, text, hasWord = false, icon = "copy" }: CopyButtonProps) {
  const { announce, note } = useNotices();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(setCopied, SHOWN_FOR_MS, false);
    return () => clearTimeout(timer);
  }, [isCopied]);
  async function copy() {
    try {
      await navigator.clipboard.writeText(seen(typeof text === "string" ? text : text()));
      setCopied(true);
      announce("Copied");
    } catch {
      note("The browser did not allow the page to copy. Select the text and copy it yourself.", { isProblem: true });
    }
  }
  return (
    <Button kind="quiet" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={copy}>
      <Icon name={isCopied ? "check" : icon} />
      {hasWord ? <span aria-hidden="true">{isCopied ? "Copied" : hasWord === true ? "Copy" : hasWord}</span> : null}
    </Button>
  );
}
