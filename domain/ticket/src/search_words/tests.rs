//! What finds what, as examples and for any text.

use proptest::prelude::*;

use super::*;

fn finds(asked: &str, text: &str) -> bool {
    let (asked, words) = (SearchWord::asked(asked), SearchWord::of_ticket(text, "", ""));
    !asked.is_empty() && asked.iter().all(|word| word.begins_one_of(&words))
}

#[test]
fn t03_a_word_is_found_by_its_beginning() {
    for (asked, text) in [
        ("con", "Spring Concert"),
        ("CONCERT spr", "Spring Concert"),
        ("große", "GROSSE Oper"),
        ("GROSSE", "Große Oper"),
        ("Οδυσσεύς", "ΟΔΥΣΣΕΎΣ"),
        ("ope\u{301}ra", "Op\u{e9}ra"),
        ("ｊａｚｚ", "Jazz"),
        ("100%", "100% fun"),
        ("a_b", "a b"),
        ("2030", "Festival2030 2030-05"),
        ("kar", "Kar'en"),
        ("donaudampfschiffkapitän", "Donaudampfschifffahrt"),
        ("홍대", "2030홍대Festival"),
        ("festival", "2030홍대Festival"),
    ] {
        assert!(finds(asked, text), "{asked} in {text}");
    }
    for (asked, text) in [
        ("cert", "Concert"),
        ("concerts", "Concert"),
        ("opera", "Op\u{e9}ra"),
        ("spring winter", "Spring Concert"),
        ("%", "100% fun"),
        ("🎫", "🎫"),
    ] {
        assert!(!finds(asked, text), "{asked} in {text}");
    }
}

#[test]
fn t03_writing_without_spaces_is_found_anywhere() {
    let hall = "서울 세종문화회관대극장";
    for asked in ["세종", "문화회관", "회관", "관", "문화회관 서울", "세종문화회관대극장"]
    {
        assert!(finds(asked, hall), "{asked}");
    }
    for asked in ["세문", "문화관", "울세", "세종문회"] {
        assert!(!finds(asked, hall), "{asked}");
    }
    assert!(finds("夜の", "東京の夜の音楽"));
    assert!(finds("ดนตรี", "งานดนตรีไทย"));
    // As some systems write it: every letter of a syllable by itself.
    assert!(finds("\u{1112}\u{116c}관", hall));
}

#[test]
fn t03_a_description_counts_by_its_beginning() {
    let long = format!("{}last", "x ".repeat(SEARCHED_DESCRIPTION_CHARS_MAX / 2 - 2));
    let words = SearchWord::of_ticket("", "", &long);
    assert_eq!(words.iter().map(SearchWord::as_str).collect::<Vec<_>>(), ["last", "x"]);
    let longer = SearchWord::of_ticket("", "", &format!("x {long}"));
    assert_eq!(longer.iter().map(SearchWord::as_str).collect::<Vec<_>>(), ["la", "x"]);
}

#[test]
fn t03_signs_alone_ask_for_nothing() {
    for text in ["", " ", "%", "!?", "🎫", "—"] {
        assert!(SearchWord::asked(text).is_empty(), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn t03_a_text_finds_itself(text in ".{0,60}") {
        let words = SearchWord::of_ticket(&text, "", "");
        for word in SearchWord::asked(&text) {
            prop_assert!(word.begins_one_of(&words), "{:?}", word);
            prop_assert!((1..=WORD_CHARS_MAX).contains(&word.as_str().chars().count()));
        }
    }

    #[test]
    fn t03_case_does_not_count(text in "[a-zA-ZäßŒσΣçÉ ]{1,30}") {
        prop_assert_eq!(SearchWord::asked(&text.to_uppercase()), SearchWord::asked(&text));
    }

    #[test]
    fn t03_any_part_of_korean_finds_it(run in "[가-힣]{1,20}", from in 0_usize..20, many in 1_usize..20) {
        let part: String = run.chars().skip(from).take(many).collect();
        prop_assume!(!part.is_empty());
        prop_assert!(finds(&part, &run));
    }

    #[test]
    fn t03_up_to_three_korean_letters_are_found_only_as_they_stand(
        run in "[가나다]{1,9}", asked in "[가나다]{1,3}",
    ) {
        prop_assert_eq!(finds(&asked, &run), run.contains(&asked));
    }
}
