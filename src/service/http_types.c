/*
 * Our own table and not the system's: the same answer everywhere, and nothing to read at start. Texts are
 * said to be UTF-8 (what is not should say so itself); without a charset browsers guess.
 */
#include "service/http_types.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EXTENSION_MAX 12
#define UTF8          "; charset=utf-8"

struct type {
	const char *extension, *type;
};

/* Sorted by extension, for bsearch(). */
static const struct type types[] = {
	{"7z",           "application/x-7z-compressed"					      },
	{ "aac",         "audio/aac"								},
	{ "apng",        "image/apng"							       },
	{ "avif",        "image/avif"							       },
	{ "bmp",         "image/bmp"								},
	{ "bz2",         "application/x-bzip2"						      },
	{ "c",           "text/plain" UTF8							  },
	{ "conf",        "text/plain" UTF8							  },
	{ "css",         "text/css" UTF8							    },
	{ "csv",         "text/csv" UTF8							    },
	{ "deb",         "application/vnd.debian.binary-package"                                    },
	{ "doc",         "application/msword"						       },
	{ "docx",        "application/vnd.openxmlformats-officedocument.wordprocessingml.document"  },
	{ "epub",        "application/epub+zip"						     },
	{ "flac",        "audio/flac"							       },
	{ "gif",         "image/gif"								},
	{ "gz",          "application/gzip"							 },
	{ "h",           "text/plain" UTF8							  },
	{ "heic",        "image/heic"							       },
	{ "htm",         "text/html" UTF8							   },
	{ "html",        "text/html" UTF8							   },
	{ "ico",         "image/vnd.microsoft.icon"						 },
	{ "ics",         "text/calendar" UTF8						       },
	{ "jpeg",        "image/jpeg"							       },
	{ "jpg",         "image/jpeg"							       },
	{ "js",          "text/javascript" UTF8						     }, /* RFC 9239 */
	{ "json",        "application/json"							 },
	{ "jsonld",      "application/ld+json"						      },
	{ "jxl",         "image/jxl"								},
	{ "log",         "text/plain" UTF8							  },
	{ "m4a",         "audio/mp4"								},
	{ "map",         "application/json"							 },
	{ "md",          "text/markdown" UTF8						       }, /* RFC 7763 */
	{ "mjs",         "text/javascript" UTF8						     },
	{ "mkv",         "video/matroska"							   },
	{ "mov",         "video/quicktime"							  },
	{ "mp3",         "audio/mpeg"							       },
	{ "mp4",         "video/mp4"								},
	{ "mpeg",        "video/mpeg"							       },
	{ "odp",         "application/vnd.oasis.opendocument.presentation"                          },
	{ "ods",         "application/vnd.oasis.opendocument.spreadsheet"                           },
	{ "odt",         "application/vnd.oasis.opendocument.text"                                  },
	{ "oga",         "audio/ogg"								},
	{ "ogg",         "audio/ogg"								},
	{ "ogv",         "video/ogg"								},
	{ "opus",        "audio/ogg"								},
	{ "otf",         "font/otf"								 },
	{ "pcap",        "application/vnd.tcpdump.pcap"                                             },
	{ "pdf",         "application/pdf"							  },
	{ "png",         "image/png"								},
	{ "ppt",         "application/vnd.ms-powerpoint"                                            },
	{ "pptx",        "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	{ "py",          "text/x-python" UTF8						       },
	{ "rss",         "application/rss+xml"						      },
	{ "rtf",         "application/rtf"							  },
	{ "sh",          "text/x-shellscript" UTF8						  },
	{ "sql",         "application/sql"							  },
	{ "svg",         "image/svg+xml"							    },
	{ "tar",         "application/x-tar"							},
	{ "tgz",         "application/gzip"							 },
	{ "tif",         "image/tiff"							       },
	{ "tiff",        "image/tiff"							       },
	{ "toml",        "application/toml"							 },
	{ "ts",          "video/mp2t"							       },
	{ "ttf",         "font/ttf"								 },
	{ "txt",         "text/plain" UTF8							  },
	{ "vtt",         "text/vtt" UTF8							    },
	{ "wasm",        "application/wasm"							 },
	{ "wav",         "audio/wav"								},
	{ "weba",        "audio/webm"							       },
	{ "webm",        "video/webm"							       },
	{ "webmanifest", "application/manifest+json"                                                },
	{ "webp",        "image/webp"							       },
	{ "woff",        "font/woff"								},
	{ "woff2",       "font/woff2"							       },
	{ "xhtml",       "application/xhtml+xml"						    },
	{ "xls",         "application/vnd.ms-excel"						 },
	{ "xlsx",        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"        },
	{ "xml",         "application/xml"							  },
	{ "xz",          "application/x-xz"							 },
	{ "yaml",        "application/yaml"							 }, /* RFC 9512 */
	{ "yml",         "application/yaml"							 },
	{ "zip",         "application/zip"							  },
	{ "zst",         "application/zstd"							 },
};

static int compare(const void *key, const void *entry)
{
	return strcasecmp(key, ((const struct type *)entry)->extension);
}

const char *http_type(const char *name, size_t len)
{
	const char *end = name + len, *slash = memrchr(name, '/', len);
	const char *base = slash ? slash + 1 : name, *dot = memrchr(base, '.', (size_t)(end - base));
	char extension[EXTENSION_MAX + 1];
	const struct type *found = NULL;

	/* ".profile" has no extension. */
	if (dot && dot > base && end - dot - 1 <= EXTENSION_MAX) {
		size_t n = (size_t)(end - dot - 1);
		memcpy(extension, dot + 1, n);
		extension[n] = '\0';
		found = bsearch(extension, types, sizeof types / sizeof *types, sizeof *types, compare);
	}
	return found ? found->type : "application/octet-stream";
}
