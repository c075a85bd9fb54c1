import type { ComponentChildren, JSX } from "preact";
import type { DeskWords } from "../words/desk.js";
import { Notes } from "./notes_part.js";
import type { PartProps } from "./parts.js";
import { isSensitive, masked } from "./people.js";
import type { CustomerView, DeskView } from "./view.js";

export function CustomerPane({ view, words, actions }: PartProps<DeskView>): JSX.Element {
  const { chat } = view;
  return (
    <section class="pane pane-customer" aria-labelledby="customer-title">
      <h2 class="pane-title" id="customer-title" tabIndex={-1}>
        {words.customer.title}
      </h2>
      {chat === null ? (
        <p class="list-note">{words.customer.none}</p>
      ) : (
        <>
          <Customer
            view={chat.customer}
            words={words}
            reveal={() => actions.reveal(chat.conversationId)}
          />
          <Notes key={chat.conversationId} view={chat} words={words} actions={actions} />
        </>
      )}
    </section>
  );
}

/** Numbers of a person are masked until the agent needs them. */
function Customer(props: {
  readonly view: CustomerView;
  readonly words: DeskWords;
  readonly reveal: () => void;
}): JSX.Element {
  const { view } = props;
  const { customer, kinds } = props.words;
  const shown = (value: string) => (view.revealed ? value : masked(value));
  return (
    <>
      <dl class="facts">
        <Fact name={customer.name}>{view.name ?? customer.unknown}</Fact>
        <Fact name={customer.number}>{shown(view.number)}</Fact>
        <Fact name={customer.reference}>{view.reference ?? customer.unknown}</Fact>
        <Fact name={customer.kind}>{kinds[view.helpType]}</Fact>
      </dl>
      {view.attached.length > 0 && (
        <>
          <h3 class="facts-title">{customer.attached}</h3>
          <dl class="facts">
            {view.attached.map(({ name, value }) => (
              <Fact key={name} name={name}>
                {isSensitive(value) ? shown(value) : value}
              </Fact>
            ))}
          </dl>
        </>
      )}
      <button type="button" class="desk-button" onClick={props.reveal}>
        {view.revealed ? customer.hide : customer.show}
      </button>
    </>
  );
}

function Fact(props: { readonly name: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <div class="fact">
      <dt>{props.name}</dt>
      <dd dir="auto">{props.children}</dd>
    </div>
  );
}
