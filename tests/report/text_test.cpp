#include <gtest/gtest.h>

#include <cmath>

#include <turnpike/report/page.h>
#include <turnpike/report/text.h>

#include "xml_check.h"

namespace turnpike {
namespace {

TEST(EscapeXml, IsAlwaysXml) {
  EXPECT_EQ(escape_xml("a < b & \"c\" > 'd'"), "a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;");
  EXPECT_EQ(escape_xml("λ → ∞ 𝔽"), "λ → ∞ 𝔽");
  EXPECT_EQ(escape_xml(std::string_view("a\0b\x01", 4)), "a\uFFFDb\uFFFD");
  EXPECT_EQ(escape_xml("\xff\xc3\x28\xed\xa0\x80"), "\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD");  // broken, and a surrogate
  for (int lead = 0; lead < 256; ++lead) {
    for (int next : {0, 0x41, 0x80, 0xbf, 0xff}) {
      std::string text{char(lead), char(next), char(0x80)};
      EXPECT_EQ(read_xml("<a>" + escape_xml(text) + "</a>").error, "") << lead << " " << next;
    }
  }
}

TEST(Literal, StandsForItself) {
  std::string nasty = "price $ **x** `y` \\lambda [a](http://b) $^$\n- item";
  Page page("t", literal(nasty));
  std::string html = page.html();
  EXPECT_NE(html.find("price $ **x** `y` \\lambda [a](http://b) $^$\n- item"), std::string::npos);
  Page in_prose("t", "");
  in_prose.section("s").prose(literal("- no item $x$"));
  EXPECT_NE(in_prose.html().find("<p>- no item $x$</p>"), std::string::npos);
  Figure figure({.title = literal(nasty)});
  EXPECT_NE(figure.svg().find("**x** `y` \\lambda [a](http://b) $^$"), std::string::npos);
}

TEST(PlainText, IsALabelWithoutItsMarkup) {
  EXPECT_EQ(plain_text("order in $h$ of $\\lambda|u|^2 = \\varphi$"), "order in h of λ|u|^2 = φ");
  EXPECT_EQ(plain_text("$x_i$, 5 % of \\$3"), "x_i, 5 % of $3");
}

TEST(FormatNumber, IsShortAndPlain) {
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(0.41234, 3), "0.412");
  EXPECT_EQ(format_number(98.1), "98.1");
  EXPECT_EQ(format_number(-2), "−2");
  EXPECT_EQ(format_number(1234567), "1.235×10⁶");
  EXPECT_EQ(format_number(1.3e-8), "1.3×10⁻⁸");
  EXPECT_EQ(format_number(0.99996), "1");
  EXPECT_EQ(format_number(9.9999e-5), "0.0001");
  EXPECT_EQ(format_number(NAN), "NaN");
  EXPECT_EQ(format_number(-INFINITY), "−∞");
}

}  // namespace
}  // namespace turnpike
