"""Ask several questions about one picture, and see where the evidence for each answer lies.

    python examples/multi_turn.py [PICTURE] [MODEL]

Every earlier word, the user's and the model's, is context for the next answer. The words of each
answer are printed with their share, visual / (visual + textual), and the earlier word that explains
them most. The report of the last answer, which shows the whole conversation, is saved.
"""

import sys
from importlib.resources import files

import tam
from tam.text.printable import decimal

QUESTIONS = ("Describe this image.", "How many objects are there?", "What color is the circle?")


def main() -> None:
    """Ask the questions and print what explains each word of the answers."""
    picture = sys.argv[1] if len(sys.argv) > 1 else str(files("tam.scenes") / "demo.png")
    chat = tam.Chat(tam.load(sys.argv[2] if len(sys.argv) > 2 else "small"))
    for turn, question in enumerate(QUESTIONS):
        # The picture is shown with the first question and stays in the conversation.
        result = chat.say(question, [picture] if turn == 0 else [])
        print(f"\n> {question}\n{result.text}")
        for word in result.words:
            earlier, relevance = word.earlier()[0]
            from_turn = f"{earlier.text!r} of turn {earlier.turn + 1}"
            print(f"{word.text:>12}  share {decimal(word.share)}  {relevance:.2f} from {from_turn}")
    print(chat.explanations[-1].save("multi_turn_out", force=True))


if __name__ == "__main__":
    main()
