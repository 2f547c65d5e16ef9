/**
 * People see each character of a text that others wrote, such as the name of a branch that they approve. Preact calls
 * this for each element and each text that a component makes, so no component can forget it. What people select and copy
 * is what they see.
 */
import { options } from "preact";
import { useEffect, useState } from "preact/hooks";
import { visibleText } from "../../base/visible-text.ts";
import { useNotices } from "./notices.tsx";
import { Button, Icon, type IconName } from "./parts.tsx";

/** As people see it, with its lines and its tabs. */
export function seen(text: string): string {
  return visibleText(text, "\n\t");
}

/** A control keeps what is sent, and the code finds elements by `data-`. Nobody sees these as they are. */
const RAW = /^(value|defaultValue|data-.*)$/;

/** An element with its attributes, or a text. Those of a component are about what it makes. */
interface Made {
  readonly type: unknown;
  props: string | number | Record<string, unknown>;
}

export function showUnseen(): void {
  options.vnode = (made: Made) => {
    const { type, props } = made;
    if (typeof props === "string") made.props = seen(props);
    if (typeof type !== "string" || typeof props !== "object") return;
    for (const [name, value] of Object.entries(props)) {
      if (typeof value === "string" && !RAW.test(name)) props[name] = seen(value);
    }
  };
}

const SHOWN_FOR_MS = 2000;

interface CopyButtonProps {
  /** What it copies, as in "Copy run id". */
  readonly what: string;
  readonly text: string | (() => string);
  /** Shows "Copy" beside the icon, or this text. */
  readonly hasWord?: boolean | string;
  readonly icon?: IconName;
}

/**
 * Copies a text as people see it, so that a pasted text has no hidden characters. The JSON of a value stays valid. After
 * that, the button says "Copied", and a screen reader reads it out.
 */
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
