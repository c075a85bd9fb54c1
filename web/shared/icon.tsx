import type { IconNode } from "lucide";
import { h, type JSX } from "preact";

/** One outline icon. It always stands beside its word, so it says nothing itself. */
export function Icon({ node }: { readonly node: IconNode }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {node.map(([tag, attributes]) => h(tag, attributes))}
    </svg>
  );
}
