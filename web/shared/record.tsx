import type { JSX } from "preact";

/** One fact of the record. `current` is what goes on now, `closed` the end of the wait. */
export interface RecordRow {
  readonly key: string;
  readonly time: string;
  readonly mark: "done" | "current" | "broken" | "closed";
  readonly text: string;
  /** Said after the text, in its shadow: how long it has gone on. */
  readonly detail?: string;
}

/** What really happened, with clock times: the same list on every page that tells of a wait. */
export function Record(props: {
  readonly label: string;
  readonly rows: readonly RecordRow[];
}): JSX.Element {
  return (
    <ol class="record" aria-label={props.label}>
      {props.rows.map((row) => (
        <li key={row.key} class={`record-row record-${row.mark}`}>
          <span class="record-time">{row.time}</span>
          <span class="record-text">
            {row.text}
            {row.detail !== undefined && <span class="record-detail"> · {row.detail}</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}
