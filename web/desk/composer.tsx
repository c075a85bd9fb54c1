/** Where the agent writes to the customer. "/" offers ready answers; arrows choose, Enter takes one. */

import { MessageSquareText } from "lucide";
import { Component, createRef, type JSX } from "preact";
import { Icon } from "#shared/icon.tsx";
import { type Answer, matching, type Slash, slashAt, withAnswer } from "./answers.js";
import { nameOf, type PartProps } from "./parts.js";
import type { ChatView } from "./view.js";

/** The server takes no longer message. */
const LONGEST_MESSAGE = 4_000;
const LIST = "answers-found";

type Props = PartProps<ChatView> & { readonly answers: readonly Answer[] };

interface ComposerState {
  readonly caret: number;
  readonly chosen: number;
  /** Where the "/" stands for which the agent wanted no answer. */
  readonly declined: number | null;
}

export class Composer extends Component<Props, ComposerState> {
  readonly #field = createRef<HTMLTextAreaElement>();
  #caretAfter: number | null = null;

  override state: ComposerState = {
    caret: this.props.view.draft.length,
    chosen: 0,
    declined: null,
  };

  override componentDidUpdate(): void {
    if (this.#caretAfter === null) return;
    this.#field.current?.setSelectionRange(this.#caretAfter, this.#caretAfter);
    this.#caretAfter = null;
  }

  override render({ view, words, actions }: Props): JSX.Element {
    const { conversationId, draft } = view;
    const { found, chosen } = this.#offered();
    return (
      <div class="composer" data-focus="composer">
        <div class="composer-head">
          <label class="composer-label" for="composer">
            {words.chat.composer(nameOf(view.person, words))}
          </label>
          <button
            type="button"
            class="desk-link"
            aria-haspopup="dialog"
            onClick={actions.openAnswers}
          >
            <Icon node={MessageSquareText} />
            {words.answers.title}
          </button>
        </div>
        {found.length > 0 && this.#list(found, chosen)}
        <textarea
          ref={this.#field}
          id="composer"
          class="composer-text"
          rows={2}
          maxLength={LONGEST_MESSAGE}
          aria-describedby="composer-hint"
          aria-autocomplete="list"
          aria-controls={found.length > 0 ? LIST : undefined}
          aria-activedescendant={found.length > 0 ? `${LIST}-${chosen}` : undefined}
          value={draft}
          onInput={({ currentTarget }) => {
            this.#moved(currentTarget);
            actions.draft(conversationId, currentTarget.value);
          }}
          onClick={({ currentTarget }) => this.#moved(currentTarget)}
          onKeyUp={({ currentTarget }) => this.#moved(currentTarget)}
          onKeyDown={(event) => this.#pressed(event)}
        />
        <button
          type="button"
          class="desk-button desk-button-main"
          onClick={() => actions.write(conversationId, draft)}
        >
          {words.chat.send}
        </button>
        <p class="composer-hint" id="composer-hint">
          {words.chat.hint}
        </p>
        <p class="visually-hidden" role="status">
          {found.length > 0 && words.answers.found(found.length)}
        </p>
      </div>
    );
  }

  #list(found: readonly Answer[], chosen: number): JSX.Element {
    return (
      <div
        class="answers-found"
        role="listbox"
        id={LIST}
        aria-label={this.props.words.answers.title}
      >
        {found.map((answer, index) => (
          <div
            key={answer.shortcut}
            class="answer-found"
            role="option"
            id={`${LIST}-${index}`}
            tabIndex={-1}
            aria-selected={index === chosen}
            onMouseDown={(event) => {
              // The keyboard stays where the agent writes.
              event.preventDefault();
              this.#take(answer);
            }}
          >
            <span class="answer-shortcut">/{answer.shortcut}</span>
            <span class="answer-text">{answer.text}</span>
          </div>
        ))}
      </div>
    );
  }

  #slash(): Slash | null {
    const slash = slashAt(this.props.view.draft, this.state.caret);
    return slash === null || slash.from === this.state.declined ? null : slash;
  }

  #offered(): { readonly found: readonly Answer[]; readonly chosen: number } {
    const slash = this.#slash();
    const found = slash === null ? [] : matching(this.props.answers, slash.typed);
    return { found, chosen: Math.min(this.state.chosen, found.length - 1) };
  }

  #moved({ value, selectionStart: caret }: HTMLTextAreaElement): void {
    if (caret === this.state.caret) return;
    const from = slashAt(value, caret)?.from ?? null;
    const declined = from === this.state.declined ? from : null;
    this.setState({ caret, chosen: 0, declined });
  }

  #pressed(event: KeyboardEvent): void {
    // While letters are being composed, the keys belong to the keyboard's own menu.
    if (event.isComposing) return;
    const { found, chosen } = this.#offered();
    const answer = found[chosen];
    if (answer !== undefined && this.#choosing(event, answer, found.length)) {
      event.preventDefault();
      return;
    }
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    const { view, actions } = this.props;
    actions.write(view.conversationId, view.draft);
  }

  /** @returns whether the key was meant for the answers that are offered */
  #choosing({ key, shiftKey, altKey }: KeyboardEvent, answer: Answer, count: number): boolean {
    if (shiftKey || altKey) return false;
    const { chosen } = this.#offered();
    switch (key) {
      case "ArrowDown":
        this.setState({ chosen: (chosen + 1) % count });
        return true;
      case "ArrowUp":
        this.setState({ chosen: (chosen + count - 1) % count });
        return true;
      case "Escape":
        this.setState({ declined: this.#slash()?.from ?? null });
        return true;
      case "Enter":
      case "Tab":
        this.#take(answer);
        return true;
      default:
        return false;
    }
  }

  #take(answer: Answer): void {
    const slash = this.#slash();
    if (slash === null) return;
    const { view, actions } = this.props;
    const { draft, caret } = withAnswer(view.draft, slash, answer.text);
    this.#caretAfter = caret;
    this.setState({ caret, chosen: 0, declined: null });
    actions.draft(view.conversationId, draft);
  }
}
