// A client: reads a line of JSON for each operation, and writes one that says how it ended.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sort"
	"time"
)

type body map[string]any

var (
	mine  string
	limit time.Duration
	link  net.Conn
	lines *bufio.Reader
)

func perform(line []byte) body {
	var err error
	if link == nil {
		if link, err = net.DialTimeout("tcp", mine, limit); err != nil {
			link = nil // nothing was sent: it certainly did not happen (code 11)
			return body{"type": "error", "code": 11, "text": err.Error()}
		}
		lines = bufio.NewReader(link)
	}
	link.SetDeadline(time.Now().Add(limit))
	answer := body{}
	if _, err = link.Write(line); err == nil {
		line, err = lines.ReadBytes('\n')
	}
	if err == nil {
		err = json.Unmarshal(line, &answer)
	}
	if err != nil { // it may have happened, or not (code 0)
		link.Close()
		link = nil
		return body{"type": "error", "code": 0, "text": err.Error()}
	}
	return answer
}

func main() {
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		ask := struct {
			Type    string            `json:"type"`
			Id      int               `json:"msg_id"`
			Client  int               `json:"client"`
			Nodes   map[string]string `json:"nodes"`
			Timeout int               `json:"timeout_ms"`
		}{}
		if err := json.Unmarshal(line, &ask); err != nil {
			panic(err)
		}
		answer := body{"type": "init_ok"}
		if ask.Type == "init" { // each client keeps to one node
			names := []string{}
			for name := range ask.Nodes {
				names = append(names, name)
			}
			sort.Strings(names)
			mine = ask.Nodes[names[ask.Client%len(names)]]
			limit = time.Duration(ask.Timeout) * time.Millisecond
		} else {
			answer = perform(line)
		}
		answer["in_reply_to"] = ask.Id
		text, _ := json.Marshal(answer)
		fmt.Println(string(text))
	}
}
