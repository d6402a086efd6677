/* URLs: the parts, the mistakes, and the examples of RFC 3986 5.4. */
#include "client/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct url u;
static struct url_error error;
static char text[URL_TEXT];

static void reads(const char *in, const char *out)
{
	if (!url_parse(&u, in, &error))
		fail_msg("%s: %s", in, error.text);
	assert_string_equal(url_text(&u, text), out);
}

static void refuses(const char *in, const char *part)
{
	assert_false(url_parse(&u, in, &error));
	if (strncmp(error.text, part, strlen(part)) != 0)
		fail_msg("%s: '%s' does not begin with '%s'", in, error.text, part);
}

static void good(void **state)
{
	(void)state;
	reads("http://example.com", "http://example.com/");
	reads("HTTPS://Example.COM:443?a=b#c", "https://example.com/?a=b");
	reads("example.com/a/../b", "http://example.com/b");
	reads("//example.com/a", "http://example.com/a");
	reads("localhost:8080", "http://localhost:8080/");
	reads("http://localhost:/", "http://localhost/");
	reads("http://h/\xc3\xa4?\xff", "http://h/%C3%A4?%FF");
	reads("http://h/a?/../b", "http://h/a?/../b");
	reads("http://[::1]:8080/x", "http://[::1]:8080/x");
	assert_string_equal(u.host, "::1");
	reads("http://[fe80::1%25lo]/", "http://[fe80::1]/");
	assert_string_equal(u.host, "fe80::1%lo");
	reads("http://[fe80::1%lo]/", "http://[fe80::1]/");
	assert_string_equal(u.host, "fe80::1%lo");
	reads("http://me:p%40ss@h:81/", "http://h:81/");
	assert_string_equal(u.user, "me:p@ss");
	reads("http://me@h/", "http://h/");
	assert_string_equal(u.user, "me:");
	assert_int_equal(u.port, 80);
}

static void bad(void **state)
{
	static char longest[URL_LEN_MAX + 20];

	(void)state;
	refuses("", "host: missing");
	refuses("http://", "host: missing");
	refuses("http:/a", "host: missing");
	refuses("http:///a", "host: missing");
	refuses("ftp://h/", "scheme: 'ftp'");
	refuses("http://h:0/", "port: '0'");
	refuses("http://h:65536/", "port: '65536'");
	refuses("http://h:80a/", "port: '80a'");
	refuses("http://h:99999999999999999999/", "port:");
	refuses("http://[::1", "host: ']'");
	refuses("http://[::1]80/", "host: only");
	refuses("http://[127.0.0.1]/", "host: [127.0.0.1] is not");
	refuses("http://[]/", "host:");
	refuses("http://a b/", "host: a character");
	refuses("http://a\r\nb/", "host: a character");
	refuses("http://b\xc3\xbc"
		"cher/",
		"host: 'b");
	refuses("http://h/a b", "path: a space");
	refuses("http://h/a\r\nHost: x", "path: a control");
	refuses("http://h/?a b", "query: a space");
	refuses("http://h/?\x7f", "query: a control");
	refuses("http://a%0db@h/", "user: a control");
	memset(longest, 'a', sizeof longest - 1);
	refuses(longest, "longer");
	longest[URL_LEN_MAX] = '\0';
	refuses(longest, "host: longer");
	memcpy(longest, "http://h/", 9);
	memset(longest + 9, '\xff', 3000);
	refuses(longest, "path: longer");
}

static void references(void **state)
{
	/* RFC 3986 5.4.1 and 5.4.2; a fragment is dropped, and what is not http is refused (NULL). */
	static const char *const examples[][2] = {
		{"g:h",            NULL                   },
		{ "g",             "http://a/b/c/g"       },
		{ "./g",           "http://a/b/c/g"       },
		{ "g/",            "http://a/b/c/g/"      },
		{ "/g",            "http://a/g"           },
		{ "//g",           "http://g/"            },
		{ "?y",            "http://a/b/c/d;p?y"   },
		{ "g?y",           "http://a/b/c/g?y"     },
		{ "#s",            "http://a/b/c/d;p?q"   },
		{ "g#s",           "http://a/b/c/g"       },
		{ "g?y#s",         "http://a/b/c/g?y"     },
		{ ";x",            "http://a/b/c/;x"      },
		{ "g;x",           "http://a/b/c/g;x"     },
		{ "g;x?y#s",       "http://a/b/c/g;x?y"   },
		{ "",              "http://a/b/c/d;p?q"   },
		{ ".",             "http://a/b/c/"        },
		{ "./",            "http://a/b/c/"        },
		{ "..",            "http://a/b/"          },
		{ "../",           "http://a/b/"          },
		{ "../g",          "http://a/b/g"         },
		{ "../..",         "http://a/"            },
		{ "../../",        "http://a/"            },
		{ "../../g",       "http://a/g"           },
		{ "../../../g",    "http://a/g"           },
		{ "../../../../g", "http://a/g"           },
		{ "/./g",          "http://a/g"           },
		{ "/../g",         "http://a/g"           },
		{ "g.",            "http://a/b/c/g."      },
		{ ".g",            "http://a/b/c/.g"      },
		{ "g..",           "http://a/b/c/g.."     },
		{ "..g",           "http://a/b/c/..g"     },
		{ "./../g",        "http://a/b/g"         },
		{ "./g/.",         "http://a/b/c/g/"      },
		{ "g/./h",         "http://a/b/c/g/h"     },
		{ "g/../h",        "http://a/b/c/h"       },
		{ "g;x=1/./y",     "http://a/b/c/g;x=1/y" },
		{ "g;x=1/../y",    "http://a/b/c/y"       },
		{ "g?y/./x",       "http://a/b/c/g?y/./x" },
		{ "g?y/../x",      "http://a/b/c/g?y/../x"},
		{ "g#s/./x",       "http://a/b/c/g"       },
		{ "http:g",        NULL                   },
	};
	struct url base;

	(void)state;
	assert_true(url_parse(&base, "http://a/b/c/d;p?q", &error));
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		bool ok = url_resolve(&u, &base, examples[i][0], &error);
		assert_int_equal(ok, examples[i][1] != NULL);
		if (ok && strcmp(url_text(&u, text), examples[i][1]) != 0)
			fail_msg("'%s' became %s, not %s", examples[i][0], text, examples[i][1]);
	}
}

/* Servers write Location fields with what a reference may not hold; a path or query of it becomes %XX. */
static void careless_references(void **state)
{
	static const char *const examples[][2] = {
		{"/a b c",        "http://a/a%20b%20c"                  },
		{ "g h?i j#k l",  "http://a/b/c/g%20h?i%20j"            },
		{ "http://h/a b", "http://h/a%20b"                      },
		{ "/<\"\\^`{|}>", "http://a/%3C%22%5C%5E%60%7B%7C%7D%3E"},
		{ "/caf\xc3\xa9", "http://a/caf%C3%A9"                  },
		{ "/100%",        "http://a/100%"                       },
		{ "/a%20b%zz",    "http://a/a%20b%zz"                   },
		{ "http://h h/a", NULL                                  },
		{ "/a\tb",        NULL				  },
		{ "/a\nHost: x",  NULL                                  },
	};
	struct url base;

	(void)state;
	assert_true(url_parse(&base, "http://a/b/c/d;p?q", &error));
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		bool ok = url_resolve(&u, &base, examples[i][0], &error);
		if (ok != (examples[i][1] != NULL))
			fail_msg("'%s': %s", examples[i][0], ok ? url_text(&u, text) : error.text);
		if (ok && strcmp(url_text(&u, text), examples[i][1]) != 0)
			fail_msg("'%s' became %s, not %s", examples[i][0], text, examples[i][1]);
	}
}

static void origins(void **state)
{
	struct url a;

	(void)state;
	assert_true(url_parse(&a, "http://me:secret@h/a", &error));
	assert_true(url_resolve(&u, &a, "/b", &error));
	assert_string_equal(u.user, "me:secret");
	assert_true(url_same_origin(&a, &u));
	assert_true(url_resolve(&u, &a, "http://other/b", &error));
	assert_string_equal(u.user, "");
	assert_false(url_same_origin(&a, &u));
	assert_true(url_resolve(&u, &a, "https://h/b", &error));
	assert_false(url_same_origin(&a, &u));
	assert_true(url_resolve(&u, &a, "http://h:80/b", &error));
	assert_true(url_same_origin(&a, &u));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(good), cmocka_unit_test(bad),
					    cmocka_unit_test(references),
					    cmocka_unit_test(careless_references),
					    cmocka_unit_test(origins) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
